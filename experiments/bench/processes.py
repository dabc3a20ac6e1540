"""What do two processes bring, and is scoring shared out evenly among them?

    python experiments/bench/processes.py [--processes 1,2] [--steps 20]

Trains the default embedded policy as the demo does, with the same settings and in turn with each
number of processes, one torch thread each; the first step is warm-up and not counted. A second
process brings what its core does: on a machine with fewer free cores than processes the step gets
longer, not shorter.

Each process scores its own captions, and equal ones once. `scored, most` is how many different
captions the process with the most of them has, beside the mean of all; `heads, slowest` is how long
its slowest head takes in the slowest process, beside the mean of all. Both are 1.00 where nobody
waits for anybody.
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

from step import Parts, StepTimes

from balcap import distributed
from balcap.config import TrainSettings
from balcap.console import say, table
from balcap.heads import choose
from balcap.policies.loading import for_training
from balcap.runs.rollouts import Rollouts
from balcap.training.build import caption_trainer
from balcap.training.preflight import plan

LAUNCH = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes"]


def scored(rollouts: Rollouts, processes: int) -> list[int]:
    """Different captions that each process had to score."""
    share = len(rollouts.rows) // processes
    parts = (rollouts.rows[rank * share : (rank + 1) * share] for rank in range(processes))
    return [len({(row.sample, row.text) for row in part}) for part in parts]


def work(folder: Path, asked: argparse.Namespace) -> None:
    """Train as one of the processes, and leave the seconds of this one."""
    parts: Parts = {name: [] for name in ("step", "generate", "score", "heads", "most")}

    def keep(step: int, rollouts: Rollouts, seconds: Mapping[str, float]) -> None:
        for part in ("generate", "score"):
            parts[part].append(seconds[part])
        parts["heads"].append(max(s for name, s in seconds.items() if name.startswith("score/")))
        counts = scored(rollouts, distributed.count())
        parts["most"].append(max(counts) / statistics.mean(counts))

    settings = TrainSettings(
        rewards=asked.rewards, batch=asked.batch, steps=asked.steps, save_every=10**6,
        eval_samples=0,
    )  # fmt: skip
    chosen = choose(settings.rewards)
    checked = plan(settings, chosen.build({head.name: head.Config() for head in chosen.trained}))
    policy = for_training(checked.settings, checked.origin)
    trainer = caption_trainer(
        checked, policy, folder, on_rollouts=keep, callbacks=[StepTimes(parts)]
    )
    trainer.train()
    (folder / f"{distributed.number()}.json").write_text(json.dumps(parts))


def trained(processes: int, asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Let so many processes train: medians over the counted steps."""
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
    found["most"] = statistics.mean(told[0]["most"])
    return found


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
    rows = []
    for processes in map(int, asked.processes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            found = trained(processes, asked, Path(folder))
        row = {part: f"{found[part]:.3f} s" for part in ("step", "generate", "score")}
        row |= {"captions/s": f"{asked.batch / found['step']:.1f}"}
        row |= {"heads, slowest": f"{found['slowest']:.2f}", "scored, most": f"{found['most']:.2f}"}
        rows.append({"processes": str(processes), **row})
    say(table(rows))
    say(f"medians of {asked.steps} steps of {asked.batch} captions, without the first")


if __name__ == "__main__":
    main()
