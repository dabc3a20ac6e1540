"""What does a judge cost that fails and babbles? Captions without a score, and how many fewer.

    python experiments/judges/babble.py

A scripted reader behind a real server answers the questions of the built-in world. Of its requests
one in twenty fails, in one of five ways in turn (HTTP 500, HTTP 429, the connection reset, a
malformed body, a body cut off), and passes on another try; of its answers 3, 10 or 30 in 100 are
chatter in place of a letter. The default policy trains for five steps on each, three times:

    all      every question of a caption must have a usable answer (no redraws, min_answered 1)
    wrong    CapRL: an unusable answer counts as a wrong one (no redraws)
    default  drawn again twice, and then left out
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from balcap.cli import main
from balcap.runs.folder import RunFolder
from helpers.endpoint import Handler, error_429, error_500, failing, malformed, reset, truncated
from helpers.judge_server import Asked, served

FAULTS = (error_500, error_429, reset, malformed, truncated)
FAILED_REQUESTS = 0.05
CHATTER = "That is a good question about the picture!"
WAYS = {
    "all": ["--judge.redraws", "0", "--qa.min_answered", "1"],
    "wrong": ["--judge.redraws", "0", "--qa.unusable", "wrong"],
    "default": [],
}


def reader(babble: float, seed: int) -> Any:
    """Answers with the letter of the first option whose text the caption holds, or babbles."""
    rng = random.Random(seed)

    def answer(prompt: Asked) -> str:
        if rng.random() < babble:
            return CHATTER
        caption, block = _quoted(prompt)
        options = [line.split(") ", 1) for line in block.split("\n")[1:]]
        return next((letter for letter, text in options if text in caption), options[-1][0])

    return answer


def _quoted(prompt: str) -> tuple[str, str]:
    """The caption, and the question with its options."""
    _, caption, _, block = re.findall(r"<<<(.*?)>>>(?!>)", prompt, re.DOTALL)
    return caption, block


def one_in_turn() -> Any:
    """A fault that is another one each time."""
    turn = iter(range(1_000_000))

    async def fault(request: Any, handler: Handler) -> Any:
        return await FAULTS[next(turn) % len(FAULTS)](request, handler)

    return fault


def measured(babble: float, way: str, steps: int, folder: Path) -> dict[str, float] | None:
    """Means over the steps of a training: shares of questions, and of captions without a score.
    None where it does not start, as its judge scores not one of the first few references."""
    rng = random.Random(1)
    faults = failing(one_in_turn(), lambda number, body: rng.random() < FAILED_REQUESTS)
    with served(reader(babble, 0), middlewares=[faults]) as server:
        words = [
            "train", "--run", str(folder), "--rewards", "qa,cov,fluency", "--eval-samples", "0",
            "--qa.engine", "llm", "--qa.draws", "24", "--judge.backend", "endpoint",
            "--judge.url", server.url, "--judge.model", "scripted", "--judge.cache", "off",
            "--max-unscored", "1", "--steps", str(steps), *WAYS[way],
        ]  # fmt: skip
        said = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            code = main(words)
    if code == 2 and "gets no score from its judge" in said.getvalue():
        return None
    if code:
        raise SystemExit(said.getvalue())
    rows = RunFolder(folder).read_metrics()
    names = {
        "unusable": "judge/qa/unusable",
        "dropped": "judge/qa/dropped",
        "unscored": "reward/qa/unscored",
        "mean": "reward/qa/mean",
    }
    return {
        short: sum(row[name] or 0.0 for row in rows) / len(rows) for short, name in names.items()
    }


def table(steps: int) -> None:
    """Print one line for each rate of babble and each way."""
    print("babble  way      unusable  dropped  captions unscored  mean qa")
    for babble in (0.03, 0.1, 0.3):
        for way in WAYS:
            with tempfile.TemporaryDirectory() as folder:
                found = measured(babble, way, steps, Path(folder) / "run")
            if found is None:
                print(f"{babble:6.0%}  {way:7}  refused before the first step", flush=True)
                continue
            print(
                f"{babble:6.0%}  {way:7}  {found['unusable']:8.1%}  {found['dropped']:7.1%}"
                f"  {found['unscored']:17.1%}  {found['mean']:7.3f}",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=5)
    table(parser.parse_args().steps)
