"""What does a slow judge cost a step? balcap beside plain TRL with an async reward function.

    python experiments/bench/overlap.py [--latencies 0,0.3,1,3] [--steps 8] [--rounds 1]

All train the default embedded policy on the same samples by `qa` with an LLM engine, which asks a
scripted server in a process of its own; that answers every question after the same time, all of a
batch at once. In one process and in turns:

- `plain TRL`: `GRPOTrainer` with the same head as an async reward function, so that the judge's
  client is balcap's everywhere and only what happens meanwhile differs;
- `balcap`; `--rollout.chunks 4`, which scores finished captions while others are written; and
  `--rollout.ahead 1`, which updates the policy meanwhile, by captions that are one update old.

Medians of the steps after the first two (the second of `ahead` is the first that begins with a
batch in hand), of the round in which they were fastest. Hidden is the share of the judge's time in
which the trainer does not stand still: 1 - (wait - wait without latency) / latency, where the wait
is for the scores of a batch.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from shared.judge import server
from shared.steps import StepTimes, writes_plainly
from transformers import PrinterCallback
from trl import GRPOTrainer

from balcap.advantage.rule import AdvantageRule
from balcap.config import JudgeSettings, RolloutSettings, TrainSettings
from balcap.console import say, table
from balcap.data import load as load_data
from balcap.heads import Head, choose
from balcap.judges.event_loop import run
from balcap.judges.factory import forget
from balcap.logging import quiet
from balcap.policies.loading import for_training
from balcap.training.ahead import AheadTrainer
from balcap.training.grpo import CaptionTrainer
from balcap.training.image_reader import ImageReader
from balcap.training.trl_args import grpo_config
from balcap.training.turns import as_dataset, sampling_order
from balcap.types import Caption, Sample, Unscored
from balcap_rewards.qa import QaConfig

QUESTIONS = 8
PLACES = 1024  # questions that the server answers at once: more than a batch has
WARM_UP = 2  # steps that are not counted


@dataclass(frozen=True)
class Times:
    """Seconds of a training's steps.

    Attributes:
        step: whole, without the first.
        wait: in which the trainer has nothing to do but to wait for scores.
    """

    step: list[float] = field(default_factory=list)
    wait: list[float] = field(default_factory=list)

    def median_step(self) -> float:
        """Of the steps that count."""
        return statistics.median(self.step[WARM_UP - 1 :])

    def median_wait(self) -> float:
        """Of the steps that count."""
        return statistics.median(self.wait[WARM_UP:])


Way = Callable[[TrainSettings, tuple[Sample, ...], Head[Any], Path], Times]


def asking(url: str) -> Head[Any]:
    """The head, which knows no answer yet."""
    forget()
    settings = JudgeSettings.of(
        backend="endpoint", url=(url,), model="scripted", cache=Path("off"), concurrency=PLACES
    )
    config = QaConfig(engine="llm", draws=QUESTIONS)
    return choose("qa").build({"qa": config}, settings).trained[0]


class PlainTrainer(GRPOTrainer):
    """TRL's own, with a clock around its rewards."""

    waits: list[float]

    def _calculate_rewards(self, *arguments: Any) -> Any:
        start = time.perf_counter()
        rewards = super()._calculate_rewards(*arguments)
        self.waits.append(time.perf_counter() - start)
        return rewards


def plain(
    settings: TrainSettings, samples: tuple[Sample, ...], head: Head[Any], folder: Path
) -> Times:
    """Train with TRL alone."""

    async def qa(completions: list[Any], row: list[int], **_: Any) -> list[float | None]:
        captions = [
            Caption(samples[index], completion[0]["content"].strip())
            for index, completion in zip(row, completions, strict=True)
        ]
        scores: Any = await asyncio.to_thread(run, head.score(captions))
        return [None if isinstance(score, Unscored) else float(score) for score in scores]

    times = Times()
    policy = writes_plainly(for_training(settings))
    args = grpo_config(settings, folder, 1)
    args.multi_objective_aggregation = "normalize_then_sum"
    order = sampling_order(len(samples), args)
    trainer = PlainTrainer(
        model=policy.model,
        reward_funcs=[qa],
        args=args,
        train_dataset=as_dataset(samples, order, ImageReader(samples, policy.family, 0.0)),
        processing_class=policy.processor,
        callbacks=[StepTimes(times.step)],
    )
    trainer.waits = times.wait
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return times


def balcap(rollout: RolloutSettings) -> Way:
    """balcap's trainer, with settings of the rollouts."""

    def train(
        settings: TrainSettings, samples: tuple[Sample, ...], head: Head[Any], folder: Path
    ) -> Times:
        times = Times()
        trainer = (AheadTrainer if rollout.ahead else CaptionTrainer)(
            policy=for_training(settings),
            samples=samples,
            heads=[head],
            rule=AdvantageRule.of(settings, {head.name: 1.0}),
            length_unit=settings.length_unit,
            on_rollouts=lambda step, rollouts, seconds: times.wait.append(seconds["score"]),
            args=grpo_config(settings, folder, 1),
            chunks=rollout.chunks,
            callbacks=[StepTimes(times.step)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        return times

    return train


WAYS: dict[str, Way] = {
    "plain TRL": plain,
    "balcap": balcap(RolloutSettings()),
    "--rollout.chunks 4": balcap(RolloutSettings(chunks=4)),
    "--rollout.ahead 1": balcap(RolloutSettings(ahead=1)),
}


def report(found: dict[tuple[float, str], Times], latencies: list[float]) -> str:
    """A row for each latency: seconds a step, and the share hidden."""

    def cell(latency: float, way: str) -> str:
        times = found[latency, way]
        if not latency:
            return f"{times.median_step():.2f} s"
        longer = times.median_wait() - found[0.0, way].median_wait()
        return f"{times.median_step():.2f} s ({1 - longer / latency:.0%})"

    def ratio(latency: float) -> str:
        ahead, plainly = found[latency, "--rollout.ahead 1"], found[latency, "plain TRL"]
        return f"{ahead.median_step() / plainly.median_step():.2f}"

    return table(
        [
            {"latency": f"{latency:g} s"}
            | {way: cell(latency, way) for way in WAYS}
            | {"ahead to TRL": ratio(latency)}
            for latency in latencies
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latencies", default="0,0.3,1,3", help="seconds; 0 is always measured")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    if asked.steps <= WARM_UP:
        parser.exit(2, f"--steps is {asked.steps}; it must be above {WARM_UP}, which warm up\n")
    quiet()
    latencies = sorted({0.0, *map(float, asked.latencies.split(","))})
    settings = TrainSettings(
        steps=asked.steps, batch=asked.batch, save_every=10**6, eval_samples=0
    ).resolved()
    samples = load_data(settings).train
    rounds: dict[tuple[float, str], list[Times]] = defaultdict(list)
    for _, latency in product(range(asked.rounds), latencies):
        with server(latency, PLACES) as url, tempfile.TemporaryDirectory() as folder:
            for name, train in WAYS.items():
                times = train(settings, samples, asking(url), Path(folder) / name)
                rounds[latency, name].append(times)
                step, wait = times.median_step(), times.median_wait()
                say(f"latency {latency:g} s, {name}: step {step:.2f} s, wait {wait:.2f} s")
    best = {case: min(times, key=Times.median_step) for case, times in rounds.items()}
    say(report(best, latencies))
    say(
        f"medians of {asked.steps - WARM_UP} steps, fastest of {asked.rounds} rounds, "
        f"{asked.batch} captions with {QUESTIONS} questions each; in brackets the share of the "
        "judge's time that is hidden"
    )


if __name__ == "__main__":
    main()
