"""`balcap serve` under load: many requests at once, each with one caption.

    python experiments/bench/serve.py [--requests 1000] [--rounds 1] [--rewards qa,cov,fluency]

The captions are references of the shapes world with a number behind them, all different, scored by
the laptop's heads. They are

- scored in this process, in one call, as `balcap score` does: what the heads themselves take;
- asked of a server, all at once, one caption a request, in batches as it makes them by itself;
- asked of a server that makes no batches (`--max-batch 1`).

Server and client are two processes. Each round has captions of its own, which no memo knows, and
each answer must be that of its caption. Latency counts from the moment at which all requests begin;
the round with the lowest p99 counts.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from balcap.config import DataSettings, ShapesSettings
from balcap.console import say, table
from balcap.data import shapes
from balcap.heads import choose
from balcap.heads.scoring import score
from balcap.logging import quiet
from balcap.types import Caption, Sample


@dataclass(frozen=True)
class Took:
    """What a round took.

    Attributes:
        seconds: until the last answer.
        latencies: of each request; empty for none.
    """

    seconds: float
    latencies: Sequence[float] = ()


def captions_of(round_: int, count: int) -> list[Caption]:
    """Captions of a round, one a sample."""
    world = DataSettings(shapes=ShapesSettings(train=count, seed=round_), eval_samples=0)
    return [
        Caption(sample, f"{sample.reference} This is picture {number} of round {round_}.")
        for number, sample in enumerate(shapes.load(world)[0])
    ]


def item_of(caption: Caption) -> dict[str, Any]:
    """As `/score` takes it."""
    sample: Sample = caption.sample
    return {
        "id": sample.id,
        "caption": caption.text,
        "reference": sample.reference,
        "facts": list(sample.facts),
        "questions": [
            {
                "question": question.text,
                "choices": list(question.choices),
                "answer": question.choices[question.answer],
                "statements": list(question.statements),
            }
            for question in sample.questions
        ],
    }


async def ask_at_once(url: str, captions: Sequence[Caption]) -> Took:
    """One request a caption, all begun together. Raises if one is lost or mixed up."""
    items = [[item_of(caption)] for caption in captions]
    async with ClientSession(
        connector=TCPConnector(limit=0), timeout=ClientTimeout(total=600)
    ) as session:
        begun = time.monotonic()

        async def ask(item: list[dict[str, Any]]) -> float:
            async with session.post(f"{url}/score", json=item) as answer:
                found = await answer.json()
            assert answer.status == 200, found
            [row] = found["scores"]
            assert row["id"] == item[0]["id"]
            assert row["total"] is not None, row
            return time.monotonic() - begun

        latencies = await asyncio.gather(*(ask(item) for item in items))
    return Took(time.monotonic() - begun, latencies)


@contextmanager
def server(rewards: str, *words: str) -> Iterator[str]:
    """A server in a process of its own; gives its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "balcap", "serve", "--rewards", rewards, "--port", "0", *words],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        found = re.search(r"http://\S+", said)
        assert found, said
        yield found[0]
    finally:
        process.terminate()
        process.wait()


def served(rewards: str, rounds: Sequence[Sequence[Caption]], *words: str) -> Took:
    """The best round of a server."""
    with server(rewards, *words) as url:
        took = [asyncio.run(ask_at_once(url, captions)) for captions in rounds]
    return min(took, key=lambda each: float(np.percentile(each.latencies, 99)))


def in_process(rewards: str, rounds: Sequence[Sequence[Caption]]) -> Took:
    """The best round of one call each."""
    selected = choose(rewards)
    heads = selected.build({head.name: head.Config() for head in selected.evaluated}).trained
    score(heads, captions_of(1000, 2))  # models are loaded
    took = []
    for captions in rounds:
        begun = time.monotonic()
        score(heads, captions)
        took.append(Took(time.monotonic() - begun))
    return min(took, key=lambda each: each.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--rewards", default="qa,cov,fluency")
    given = parser.parse_args()
    quiet()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a connection each
    rounds = [captions_of(number, given.requests) for number in range(given.rounds)]
    found = {
        "in this process, one call": in_process(given.rewards, rounds),
        "balcap serve": served(given.rewards, rounds),
        "balcap serve --max-batch 1": served(given.rewards, rounds, "--max-batch", "1"),
    }
    report(found, given)


def report(found: dict[str, Took], given: argparse.Namespace) -> None:
    whole = found["in this process, one call"].seconds
    say(table([_row(name, took, given.requests, whole) for name, took in found.items()]))
    say(f"{given.requests:,} requests at once, {given.rewards}; best of {given.rounds} rounds")


def _row(name: str, took: Took, requests: int, whole: float) -> dict[str, str]:
    p50, p99 = np.percentile(took.latencies, [50, 99]) if took.latencies else (np.nan, np.nan)
    return {
        "": name,
        "answered": f"{len(took.latencies) or requests:,}",
        "p50": f"{p50:.2f} s" if took.latencies else "-",
        "p99": f"{p99:.2f} s" if took.latencies else "-",
        "captions/s": f"{requests / took.seconds:,.0f}",
        "time to one call's": f"{took.seconds / whole:.2f}",
    }


if __name__ == "__main__":
    main()
