"""Seconds per step: balcap beside plain TRL with the same heads as ordinary reward functions.

    python experiments/bench/step.py [--steps 12] [--rounds 3]

Both train the default embedded policy on the same samples, with the same seed, settings and heads,
in one process and in turns, so that a busy machine hurts both. The first step of a round is warm-up
and not counted. Heads are made anew for every round; their memories cleared.

`generate` holds everything of the rollout but the scores; with beta 0 and one iteration TRL asks
for no log-probabilities of their own there, so those are part of `update`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from shared.steps import StepTimes, writes_plainly
from transformers import PrinterCallback
from trl import GRPOTrainer

from balcap.advantage.rule import AdvantageRule
from balcap.config import TrainSettings
from balcap.console import say, table
from balcap.data import load as load_data
from balcap.heads import Head, choose
from balcap.heads.engines import embedding, harper
from balcap.logging import quiet
from balcap.policies.loading import for_training
from balcap.training.grpo import CaptionTrainer
from balcap.training.image_reader import ImageReader
from balcap.training.trl_args import grpo_config
from balcap.training.turns import as_dataset, sampling_order
from balcap.types import Caption, Sample, Unscored

Parts = dict[str, list[float]]


class TimedPlainTrainer(GRPOTrainer):
    """TRL's own trainer, with a clock around its rollout and around its rewards."""

    parts: Parts

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        start = time.perf_counter()
        output = super()._generate_and_score_completions(inputs)
        self.parts["generate"].append(time.perf_counter() - start - self.parts["score"][-1])
        return output

    def _calculate_rewards(self, *args: Any) -> Any:
        start = time.perf_counter()
        rewards = super()._calculate_rewards(*args)
        self.parts["score"].append(time.perf_counter() - start)
        return rewards


def as_reward_function(head: Head[Any], samples: tuple[Sample, ...]) -> Any:
    """The head as a user of plain TRL would write it."""

    def reward(completions: list[Any], row: list[int], **_: Any) -> list[float | None]:
        captions = [
            Caption(samples[index], completion[0]["content"].strip())
            for index, completion in zip(row, completions, strict=True)
        ]
        scores = head.score(captions)
        return [None if isinstance(score, Unscored) else float(score) for score in scores]

    reward.__name__ = head.name
    return reward


def run_plain(settings: TrainSettings, samples: tuple[Sample, ...], folder: Path) -> Parts:
    parts: Parts = defaultdict(list)
    policy = writes_plainly(for_training(settings))
    heads = choose(settings.rewards).build(_defaults(settings)).trained
    args = grpo_config(settings, folder, 1)
    args.multi_objective_aggregation = "normalize_then_sum"
    trainer = TimedPlainTrainer(
        model=policy.model,
        reward_funcs=[as_reward_function(head, samples) for head in heads],
        args=args,
        train_dataset=as_dataset(
            samples,
            sampling_order(len(samples), args),
            ImageReader(samples, policy.family, 0.0),
        ),
        processing_class=policy.processor,
        callbacks=[StepTimes(parts["step"])],
    )
    trainer.parts = parts
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return parts


def run_balcap(settings: TrainSettings, samples: tuple[Sample, ...], folder: Path) -> Parts:
    parts: Parts = defaultdict(list)
    chosen = choose(settings.rewards).build(_defaults(settings))

    def keep(step: int, rollouts: Any, seconds: dict[str, float]) -> None:
        for part in ("generate", "score"):
            parts[part].append(seconds[part])

    trainer = CaptionTrainer(
        policy=for_training(settings),
        samples=samples,
        heads=chosen.trained,
        rule=AdvantageRule.of(settings, chosen.weights),
        length_unit=settings.length_unit,
        on_rollouts=keep,
        args=grpo_config(settings, folder, 1),
        callbacks=[StepTimes(parts["step"])],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return parts


def _defaults(settings: TrainSettings) -> dict[str, Any]:
    return {head.name: head.Config() for head in choose(settings.rewards).trained}


def means(parts: Parts) -> dict[str, float]:
    """Mean seconds of a round's counted steps; the update is what is left of the step."""
    counted = {name: statistics.mean(values[1:]) for name, values in parts.items()}
    counted["step"] = statistics.mean(parts["step"])  # has no entry for the first step
    counted["update"] = counted["step"] - counted["generate"] - counted["score"]
    return counted


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--steps", type=int, default=12)
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    quiet()
    settings = TrainSettings(steps=asked.steps, save_every=10**6, eval_samples=0).resolved()
    samples = load_data(settings).train
    rounds: dict[str, list[dict[str, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(asked.rounds):
            for name, run in (("plain TRL", run_plain), ("balcap", run_balcap)):
                embedding.forget()
                harper.lint_kinds.cache_clear()
                rounds[name].append(means(run(settings, samples, Path(folder) / f"{name}{number}")))
    parts = ("step", "generate", "score", "update")
    best = {n: {p: min(r[p] for r in rs) for p in parts} for n, rs in rounds.items()}
    rows = [{"": n} | {p: f"{best[n][p]:.3f} s" for p in parts} for n in best]
    ratio = {p: f"{best['balcap'][p] / best['plain TRL'][p]:.2f}" for p in parts}
    say(table([*rows, {"": "ratio", **ratio}]))
    say(f"fastest of {asked.rounds} rounds of {asked.steps} steps each, {settings.batch} captions")


if __name__ == "__main__":
    main()
