"""Questions per second: balcap's engine beside the ways in which judges are asked elsewhere.

    python experiments/bench/judges.py [--captions 512] [--latency 0.2] [--slots 256] [--rounds 3]

A scripted OpenAI-compatible server runs on loopback in a process of its own: every prompt takes
`latency` seconds in one of `slots` places, so that it answers slots / latency questions per second
at most, however they travel. The same captions, with 8 questions each, go through

- `balcap`: the qa head with its LLM engine, cache off, in the two ways that it can ask: lists of
  prompts with the default of 64 requests at once, and one request a question, with as many at once
  as a server that batches is sent;
- `TRL`: an async reward function of GRPOTrainer with one call of the `openai` client a question;
- `one by one`: the `openai` client, one question after the other, on a slice.

They take turns in one run. "Of ceiling" is questions per second over the server's ceiling, CPU the
processor time of the asking process; the fastest of the rounds counts.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from openai import AsyncOpenAI, OpenAI
from shared.judge import server
from trl import GRPOTrainer

from balcap.config import DataSettings, JudgeSettings, ShapesSettings, TrainSettings
from balcap.console import say, table
from balcap.data import shapes
from balcap.heads import choose
from balcap.heads.reading import PROMPT
from balcap.heads.scoring import score
from balcap.judges.factory import forget
from balcap.logging import quiet
from balcap.policies.loading import for_training
from balcap.training.image_reader import ImageReader
from balcap.training.trl_args import grpo_config
from balcap.training.turns import as_dataset, sampling_order
from balcap.types import Caption
from balcap_rewards.qa import QaConfig
from balcap_rewards.qa_reader import menus_of

QUESTIONS = 8
GROUP = 8
SLICE = 20  # questions that are asked one by one


@dataclass(frozen=True)
class Took:
    """What a number of questions took."""

    questions: int
    seconds: float
    cpu: float


def asked(captions: Sequence[Caption]) -> list[list[str]]:
    """The prompts that the qa head makes of each caption."""
    settings = QaConfig(draws=QUESTIONS)
    return [
        [
            PROMPT.fill(caption=caption.text, question=str(menu))
            for menu in menus_of(caption, settings)
        ]
        for caption in captions
    ]


def balcap(
    captions: Sequence[Caption],
    url: str,
    requests: Literal["chat", "completions"],
) -> None:
    forget()  # not even this process may remember the last round
    settings = JudgeSettings.of(
        backend="endpoint", url=(url,), model="scripted", requests=requests, cache=Path("off"),
    )  # fmt: skip
    config = QaConfig(engine="llm", draws=QUESTIONS)
    scored = score(choose("qa").build({"qa": config}, settings).trained, captions)
    assert scored.matrix.scored.all(), scored.reasons[0]


def one_by_one(prompts: Sequence[str], url: str) -> None:
    client = OpenAI(base_url=url, api_key="none")
    for prompt in prompts:
        client.chat.completions.create(
            model="scripted",
            messages=[{"role": "user", "content": prompt}],
            max_tokens=10,
        )


class TrlReward:
    """TRL's trainer with one async reward function, as its documentation shows it."""

    def __init__(self, captions: Sequence[Caption], url: str, folder: Path) -> None:
        settings = TrainSettings(steps=1, batch=len(captions), group_size=GROUP).resolved()
        policy = for_training(settings)
        self.captions = captions
        samples = tuple(caption.sample for caption in captions[::GROUP])
        prompts = asked(captions)
        client = AsyncOpenAI(base_url=url, api_key="none", timeout=600)

        async def right(prompt: str) -> float:
            answer = await client.chat.completions.create(
                model="scripted",
                messages=[{"role": "user", "content": prompt}],
                max_tokens=10,
            )
            return float((answer.choices[0].message.content or "").strip() == "B")

        async def qa(completions: list[Any], **_: Any) -> list[float]:
            rights = await asyncio.gather(*(right(p) for of_one in prompts for p in of_one))
            return [
                sum(rights[i : i + QUESTIONS]) / QUESTIONS for i in range(0, len(rights), QUESTIONS)
            ]

        args = grpo_config(settings, folder, 1)
        self.trainer = GRPOTrainer(
            model=policy.model,
            reward_funcs=[qa],
            args=args,
            train_dataset=as_dataset(
                samples,
                sampling_order(len(samples), args),
                ImageReader(samples, policy.family, 0.0),
            ),
            processing_class=policy.processor,
        )

    def __call__(self) -> None:
        completions = [[{"role": "assistant", "content": c.text}] for c in self.captions]
        prompts = [[{"role": "user", "content": c.sample.prompt}] for c in self.captions]
        self.trainer._calculate_rewards(
            [{"prompt": prompt} for prompt in prompts], prompts, completions, [[0]] * len(prompts)
        )


def clocked(questions: int, work: Callable[[], None]) -> Took:
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return Took(questions, time.perf_counter() - start, time.process_time() - cpu)


def captions_of(count: int) -> list[Caption]:
    """Captions of the shapes world, `GROUP` different ones of each sample."""
    world = DataSettings(shapes=ShapesSettings(train=count // GROUP), eval_samples=0)
    return [
        Caption(sample, f"{sample.reference} ({number})")
        for sample in shapes.load(world)[0]
        for number in range(GROUP)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captions", type=int, default=512)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--slots", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    quiet()
    captions = captions_of(given.captions)
    total = len(captions) * QUESTIONS
    a_few = [prompt for of_one in asked(captions) for prompt in of_one][:SLICE]
    rounds: dict[str, list[Took]] = defaultdict(list)
    with server(given.latency, given.slots) as url, tempfile.TemporaryDirectory() as folder:
        trl = TrlReward(captions, url, Path(folder))
        ways: dict[str, tuple[int, Callable[[], None]]] = {
            "balcap, lists of prompts": (total, lambda: balcap(captions, url, "completions")),
            "balcap, one request each": (total, lambda: balcap(captions, url, "chat")),
            "TRL, async reward": (total, trl),
            "one by one": (SLICE, lambda: one_by_one(a_few, url)),
        }
        for _ in range(given.rounds):
            for name, (questions, work) in ways.items():
                rounds[name].append(clocked(questions, work))
    report({name: min(took, key=lambda t: t.seconds) for name, took in rounds.items()}, given)


def report(best: dict[str, Took], given: argparse.Namespace) -> None:
    ceiling = given.slots / given.latency
    rate = {name: took.questions / took.seconds for name, took in best.items()}
    rows = [
        {
            "": name,
            "questions/s": f"{rate[name]:,.0f}",
            "of ceiling": f"{rate[name] / ceiling:.2f}",
            "to TRL": f"{rate[name] / rate['TRL, async reward']:.2f}",
            "CPU a question": f"{took.cpu / took.questions * 1e3:.2f} ms",
        }
        for name, took in best.items()
    ]
    say(table(rows))
    say(
        f"ceiling {ceiling:,.0f} questions/s: {given.slots} at once, {given.latency:g} s each; "
        f"{given.captions} captions x {QUESTIONS}; fastest of {given.rounds} rounds"
    )


if __name__ == "__main__":
    main()
