"""Make a `CaptionTrainer` on a random policy; run as a script, give credit to fixed captions.

python -m helpers.trainer POLICY OUT      (also under accelerate launch)
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from balcap import distributed
from balcap.advantage.rule import AdvantageRule
from balcap.config import DataSettings, ShapesSettings, TrainSettings
from balcap.data import shapes
from balcap.heads import Head
from balcap.policies.loading import for_training
from balcap.training.ahead import AheadTrainer
from balcap.training.grpo import CaptionTrainer
from balcap.training.trl_args import grpo_config

TEXTS = [
    f"{'A small star. ' * (1 + row % 5)}{'Here are shapes' * (row % 3)}{'e' * (row % 4)}"
    for row in range(16)
]


def make(
    policy: Path,
    folder: Path,
    heads: list[Head[Any]],
    *,
    num_processes: int = 1,
    on_rollouts: Callable[..., None] = lambda *_: None,
    chunks: int = 1,
    ahead: int = 0,
    **settings: Any,
) -> CaptionTrainer:
    """A trainer with groups of 4 in batches of 16, gated on its last head unless told otherwise."""
    chosen = TrainSettings(
        policy=str(policy), group_size=4, batch=16, max_tokens=6, gradient_checkpointing=False,
        **{"gate_heads": heads[-1].name, "steps": 1, "lr": 1e-3, **settings},
    ).resolved()  # fmt: skip
    samples, _ = shapes.load(DataSettings(eval_samples=0, shapes=ShapesSettings(train=8)))
    return (AheadTrainer if ahead else CaptionTrainer)(
        policy=for_training(chosen),
        samples=samples,
        heads=heads,
        rule=AdvantageRule.of(chosen, {head.name: 1.0 for head in heads}),
        length_unit=chosen.length_unit,
        on_rollouts=on_rollouts,
        chunks=chunks,
        args=grpo_config(chosen, folder, num_processes),
    )


def credit_fixed_captions(policy: Path, folder: Path) -> list[float]:
    """Advantages of `TEXTS`, four for each of the first four samples, shared out over processes."""
    from helpers.heads import Brief, Letters

    state = distributed.state()
    trainer = make(policy, folder, [Letters(), Brief()], num_processes=state.num_processes)
    share = len(TEXTS) // state.num_processes
    mine = range(state.process_index * share, (state.process_index + 1) * share)
    trainer._calculate_rewards(
        inputs=[{"row": row // 4, "turn": row // 4} for row in mine],
        prompts=[None] * share,
        completions=[[{"role": "assistant", "content": TEXTS[row]}] for row in mine],
        completion_ids_list=[[1, 2, 3]] * share,
    )
    assert trainer._rollouts is not None
    advantage: list[float] = trainer._rollouts.credit.advantage.tolist()
    return advantage


if __name__ == "__main__":
    found = credit_fixed_captions(Path(sys.argv[1]), Path(sys.argv[2]))
    state = distributed.state()
    name = f"{state.num_processes}-{state.process_index}.json"
    (Path(sys.argv[2]) / name).write_text(json.dumps(found))
