"""The seam with TRL, and that credit does not depend on how captions are shared out."""

import inspect
import json
import subprocess
import sys
import threading
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import trl
from transformers import set_seed
from trl import GRPOTrainer

from balcap.heads.judge_wait import JudgeWait
from balcap.runs.folder import RunFolder
from balcap.runs.rollouts import Rollouts
from balcap.training.turns import sampling_order
from balcap.types import Caption
from helpers.heads import Brief, Letters
from helpers.trainer import make
from helpers.training import command


def test_the_seam_is_where_it_was() -> None:
    """balcap overrides these private methods: if this fails, read TRL's changes to them."""
    rewards = inspect.signature(GRPOTrainer._calculate_rewards)
    assert list(rewards.parameters) == [
        "self", "inputs", "prompts", "completions", "completion_ids_list",
    ]  # fmt: skip
    assert list(inspect.signature(GRPOTrainer._generate).parameters) == ["self", "prompts"]
    assert list(inspect.signature(GRPOTrainer._generate_single_turn).parameters) == [
        "self", "prompt_ids", "images", "multimodal_fields", "num_generations", "has_tool_images",
    ]  # fmt: skip
    generate = inspect.signature(GRPOTrainer._generate_and_score_completions)
    assert list(generate.parameters) == ["self", "inputs"]
    source = inspect.getsource(GRPOTrainer._generate_and_score_completions)
    assert (
        source.count("self._calculate_rewards(inputs, prompts, completions, completion_ids_list)")
        == 1
    )
    assert '"advantages": advantages' in source
    # what one step ahead hangs on: when the writer's log-probabilities are kept, and where state is
    assert source.count("self.args.gradient_accumulation_steps % generate_every != 0") == 1
    assert list(inspect.signature(GRPOTrainer._save_rng_state).parameters) == ["self", "output_dir"]
    assert list(inspect.signature(GRPOTrainer._load_rng_state).parameters) == ["self", "checkpoint"]
    assert trl.__version__.startswith("1.16.")


@pytest.mark.parametrize("family", ["qwen2.5-vl", "llava-1.5"])
@pytest.mark.parametrize(
    ("normalizer", "aggregation"), [("gdpo", "normalize_then_sum"), ("grpo", "sum_then_normalize")]
)
def test_full_masks_give_trls_own_advantages(
    family: str,
    normalizer: str,
    aggregation: str,
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the real loop, on captions the policy wrote: TRL's numbers, and ours in their place."""
    of_trl: list[torch.Tensor] = []
    used: list[torch.Tensor] = []
    original = GRPOTrainer._generate_and_score_completions

    def watched(self: Any, inputs: Any) -> Any:
        output = original(self, inputs)
        of_trl.append(output["advantages"].clone())
        return output

    monkeypatch.setattr(GRPOTrainer, "_generate_and_score_completions", watched)
    kept: list[Rollouts] = []
    trainer = make(
        fresh_policies[family],
        tmp_path,
        [Letters(), Brief()],
        on_rollouts=lambda step, rollouts, seconds: kept.append(rollouts),
        normalizer=normalizer,
        gate="none",
        trl={"multi_objective_aggregation": aggregation},
    )
    loss = trainer._compute_loss
    monkeypatch.setattr(
        trainer,
        "_compute_loss",
        lambda model, inputs: (used.append(inputs["advantages"].clone()), loss(model, inputs))[1],
    )
    trainer.train()
    ours = kept[0].credit.advantage
    assert np.ptp(ours) > 1
    # TRL computes in float32 from float32 scores
    np.testing.assert_allclose(of_trl[0].numpy(), ours, atol=1e-4)
    # the loss sees ours, in the shuffled order of TRL's split
    np.testing.assert_allclose(np.sort(used[0].numpy()), np.sort(ours), atol=1e-6)


@pytest.mark.parametrize("samples", [0, 3])
def test_fewer_samples_than_groups_are_refused(samples: int) -> None:
    """A batch of 32 captions in groups of 8 needs 4 samples."""
    args = Namespace(generation_batch_size=32, num_generations=8, max_steps=1, seed=0)
    with pytest.raises(ValueError, match=f"{samples} samples are fewer than the 4 groups"):
        sampling_order(samples, args)
    assert sorted(sampling_order(4, args)) == [0, 1, 2, 3]


# accelerate's word for several processes on one machine; without a GPU they talk through gloo
LAUNCH = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]


def test_two_processes_give_the_advantages_of_one(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    """Groups of 4, 16 captions: each process holds two groups, and whitening is over all four."""
    tests = Path(__file__).parent
    arguments = ["-m", "helpers.trainer", str(fresh_policies["llava-1.5"]), str(tmp_path)]
    one = subprocess.Popen([sys.executable, *arguments], cwd=tests)
    subprocess.run([sys.executable, *LAUNCH, *arguments], check=True, cwd=tests)
    assert one.wait() == 0
    expected = json.loads((tmp_path / "1-0.json").read_text())
    assert np.ptp(expected) > 1
    for process in range(2):
        assert json.loads((tmp_path / f"2-{process}.json").read_text()) == expected


def test_two_processes_train_into_one_run(fresh_policies: dict[str, Path], tmp_path: Path) -> None:
    """A group of 8 over two processes with 4 captions each, and three samples held out by two."""
    run = RunFolder(tmp_path / "run")
    arguments = command(
        fresh_policies["llava-1.5"], run.path, "--steps", "2", "--eval-samples", "3"
    )
    whole = [*arguments, "--group-size", "8"]
    subprocess.run([sys.executable, *LAUNCH, "-m", "balcap", *whole], check=True)
    assert [row["step"] for row in run.read_metrics()] == [1, 2]
    table = pd.read_parquet(run.rollouts / "step_000001.parquet")
    assert (len(table), table["group"].nunique()) == (8, 1)
    assert run.read_json(run.summary)["after"]["captions"] == 3


class Patient(Letters):
    """Scores when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.waited_in_vain = False

    def score(self, captions: Sequence[Caption]) -> Sequence[float]:
        self.waited_in_vain |= not self.go_on.wait(20)
        return super().score(captions)


def test_heads_score_while_log_probabilities_are_computed(
    fresh_policies: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head ends only once the reference's log-probabilities, of beta, are being asked for."""
    head = Patient()
    trainer = make(fresh_policies["llava-1.5"], tmp_path, [head, Brief()], beta=0.1)
    original = GRPOTrainer._get_per_token_logps_and_entropies

    def asked(self: Any, *args: Any, **kwargs: Any) -> Any:
        head.go_on.set()
        return original(self, *args, **kwargs)

    monkeypatch.setattr(GRPOTrainer, "_get_per_token_logps_and_entropies", asked)
    trainer.train()
    assert not head.waited_in_vain


@pytest.mark.parametrize("family", ["qwen2.5-vl", "llava-1.5"])
def test_no_number_hangs_on_when_the_heads_begin(
    family: str, fresh_policies: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit: scores, advantages and weights, with the early start and without."""
    runs = []
    for early in (True, False):
        if not early:
            monkeypatch.setattr(JudgeWait, "begin", lambda *_: None)
        kept: list[Rollouts] = []
        set_seed(0)
        trainer = make(
            fresh_policies[family],
            tmp_path / str(early),
            [Letters(), Brief()],
            on_rollouts=lambda step, rollouts, seconds, kept=kept: kept.append(rollouts),
            beta=0.1,
            steps=3,
        )
        trainer.train()
        runs.append((kept, [p.detach().clone() for p in trainer.model.parameters()]))
    (early, weights), (late, others) = runs
    assert len(early) == 3
    for one, other in zip(early, late, strict=True):
        assert [row.text for row in one.rows] == [row.text for row in other.rows]
        assert np.array_equal(one.credit.advantage, other.credit.advantage)
    assert all(torch.equal(*pair) for pair in zip(weights, others, strict=True))
