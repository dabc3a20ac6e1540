"""What do two processes bring, and is scoring shared out evenly among them?

    python experiments/bench/processes.py [--processes 1,2] [--steps 20]

Trains the default embedded policy as the demo does, with the same settings and in turn with each
number of processes, one torch thread each; the first step is warm-up and not counted. A second
process brings what its core does: on a machine with fewer free cores than processes the step gets
longer, not shorter.

Each process scores its own captions, and equal ones once. `heads, slowest` is how long the heads
take in the slowest process, beside the mean of all: 1.00 where nobody waits for anybody. The second
table does not hang on the machine: the captions of the first training, as so many processes would
share them; how many different ones the process with the most of them has, beside the mean of all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.steps import StepTimes

from balcap import distributed
from balcap.config import TrainSettings
from balcap.console import say, table
from balcap.heads import choose
from balcap.policies.loading import for_training
from balcap.runs.rollouts import Rollouts
from balcap.training.build import caption_trainer
from balcap.training.preflight import plan

SHARED_BY = (2, 4, 8)
LAUNCH = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes"]


def most_to_mean(rollouts: Rollouts, processes: int) -> float:
    """Of the different captions that each process has to score, the most beside the mean."""
    share = len(rollouts.rows) // processes
    parts = (rollouts.rows[rank * share : (rank + 1) * share] for rank in range(processes))
    counts = [len({(row.sample, row.text) for row in part}) for part in parts]
    return max(counts) / statistics.mean(counts)


def work(folder: Path, asked: argparse.Namespace) -> None:
    """Train as one of the processes, and leave the seconds of this one."""
    parts: dict[str, list[float]] = {name: [] for name in ("step", "generate", "score", "heads")}
    parts |= {f"by {number}": [] for number in SHARED_BY}

    def keep(step: int, rollouts: Rollouts, seconds: Mapping[str, float]) -> None:
        for part in ("generate", "score"):
            parts[part].append(seconds[part])
        parts["heads"].append(max(s for name, s in seconds.items() if name.startswith("score/")))
        for number in SHARED_BY:
            parts[f"by {number}"].append(most_to_mean(rollouts, number))

    settings = TrainSettings(
        rewards=asked.rewards, batch=asked.batch, steps=asked.steps, save_every=10**6,
        eval_samples=0,
    )  # fmt: skip
    chosen = choose(settings.rewards)
    checked = plan(settings, chosen.build({head.name: head.Config() for head in chosen.trained}))
    policy = for_training(checked.settings, checked.origin)
    trainer = caption_trainer(
        checked, policy, folder, on_rollouts=keep, callbacks=[StepTimes(parts["step"])]
    )
    trainer.train()
    (folder / f"{distributed.number()}.json").write_text(json.dumps(parts))


def trained(processes: int, asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Let so many processes train: medians of the seconds, and means of the ratios."""
    launch = [*LAUNCH, str(processes)] if processes > 1 else []
    done = subprocess.run(
        [
            sys.executable, *launch, __file__, "--work", str(folder), "--rewards", asked.rewards,
            "--batch", str(asked.batch), "--steps", str(asked.steps),
        ],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    told: list[Any] = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    found = {name: statistics.median(told[0][name][1:]) for name in ("generate", "score")}
    found["step"] = statistics.median(told[0]["step"])  # has no entry for the first step
    heads = list(zip(*(each["heads"][1:] for each in told), strict=True))  # [steps][processes]
    found["slowest"] = statistics.mean(max(step) / statistics.mean(step) for step in heads)
    return found | {
        f"by {number}": statistics.mean(told[0][f"by {number}"]) for number in SHARED_BY
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--processes", default="1,2")
    arguments.add_argument("--steps", type=int, default=20)
    arguments.add_argument("--batch", type=int, default=32)
    arguments.add_argument("--rewards", default="qa,cov,fluency")
    arguments.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.work:
        work(asked.work, asked)
        return
    rows, shares = [], []
    for processes in map(int, asked.processes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            found = trained(processes, asked, Path(folder))
        row = {part: f"{found[part]:.3f} s" for part in ("step", "generate", "score")}
        row |= {"captions/s": f"{asked.batch / found['step']:.1f}"}
        row |= {"heads, slowest": f"{found['slowest']:.2f}"}
        rows.append({"processes": str(processes), **row})
        shares = shares or [
            {"shared by": str(number), "most to mean": f"{found[f'by {number}']:.3f}"}
            for number in SHARED_BY
        ]
    say(table(rows))
    say(f"medians of {asked.steps} steps of {asked.batch} captions, without the first\n")
    say(table(shares))


if __name__ == "__main__":
    main()
