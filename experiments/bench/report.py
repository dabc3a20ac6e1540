"""Seconds and memory of the commands that read a long run.

    python experiments/bench/report.py [--steps 2000] [--captions 256] [--words 100]

Writes a run of that many steps as a training writes it, with made-up captions of three heads, and
reads it by each command in a process of its own: processor seconds, and the most memory that it
held.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml

from balcap.advantage.rule import AdvantageRule
from balcap.config import TrainSettings, plain
from balcap.console import say, table
from balcap.runs.folder import RunFolder
from balcap.runs.metrics import step_metrics
from balcap.runs.rollouts import Rollouts, Row

HEADS = ("qa", "cov", "fluency")
GROUP = 8
VOCABULARY = [f"word{number}" for number in range(5000)]
UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, in which a process's memory is given


def write_run(folder: Path, steps: int, captions: int, words: int) -> None:
    """A run with scores and lengths drawn at random, and captions of `words` words."""
    settings = TrainSettings(
        rewards=",".join(HEADS), steps=steps, batch=captions, group_size=GROUP
    ).resolved()
    rule = AdvantageRule.of(settings, dict.fromkeys(HEADS, 1.0))
    run = RunFolder(folder)
    run.create(yaml.safe_dump(plain(settings)))
    draw = np.random.default_rng(0)
    for step in range(1, steps + 1):
        scores, ratios = draw.random((captions, len(HEADS))), draw.uniform(0.3, 2.2, captions)
        texts = draw.choice(VOCABULARY, (captions, words))
        rows = [
            Row(
                sample=f"sample-{index // GROUP}",
                group=index // GROUP,
                text=" ".join(texts[index]),
                tokens=2 * words,
                words=words,
                ratio=float(ratios[index]),
                scores=tuple(map(float, scores[index])),
                reasons=(None,) * len(HEADS),
            )
            for index in range(captions)
        ]
        rollouts = Rollouts.of(HEADS, rows, rule)
        run.add_rollouts(step, rollouts.columns(step))
        run.add_metrics(step, step_metrics(rollouts, {"generate": 1.0, "score": 1.0}))


def cost(command: list[str]) -> dict[str, str]:
    """Run a command of balcap in a process of its own: what did it take?"""
    with subprocess.Popen(
        [sys.executable, "-m", "balcap", *command], stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"balcap {' '.join(command)} ended with {process.returncode}")
    return {
        "command": f"balcap {' '.join(command[:-1])}",
        "processor": f"{used.ru_utime + used.ru_stime:.1f} s",
        "memory": f"{used.ru_maxrss * UNIT / 1e9:.2f} GB",
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--steps", type=int, default=2000)
    arguments.add_argument("--captions", type=int, default=256)
    arguments.add_argument("--words", type=int, default=100)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        write_run(run, asked.steps, asked.captions, asked.words)
        size = sum(file.stat().st_size for file in run.rglob("*") if file.is_file())
        commands = ["runs", "show"], ["replay", "--normalizer", "grpo"], ["report"]
        rows = [cost([*words, str(run)]) for words in commands]
    say(table(rows))
    say(f"a run of {asked.steps:,} steps of {asked.captions} captions, {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
