"""Does the demo still train while something else wants a core?

    python experiments/bench/laptop.py [--steps 160] [--rounds 1]

Trains the default embedded policy as the demo does, alone and beside a process that spins, each
with balcap's torch threads (one to write and two to learn, which sleep while they wait) and with
torch's own (one a core, which spin), in turns, each in a process of its own. `--smoke` tries
balcap's alone, in two small steps. Seconds are those of the steps, without start and evaluations;
the fastest of the rounds counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from balcap.console import say, table
from balcap.runs.folder import RunFolder
from balcap.runs.provenance import threads_of

SPIN = "while True: pass"
SPINS = "300000"  # how long a thread of GNU's OpenMP waits before it sleeps, where nothing is said


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """That many processes that do nothing but want a core."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(processes)]
    try:
        yield
    finally:
        for each in spinning:
            each.kill()
            each.wait()


def trained(folder: Path, words: list[str], environment: Mapping[str, str]) -> tuple[float, int]:
    """Train by a command line: seconds of all steps, and the torch threads that the run had."""
    done = subprocess.run(
        [sys.executable, "-m", "balcap", "train", *words, "--run", str(folder)],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    run = RunFolder(folder)
    seconds = sum(step["seconds/step"] or 0.0 for step in run.read_metrics())
    return seconds, threads_of(run) or 0


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--steps", type=int, default=160)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--smoke", action="store_true")
    asked = arguments.parse_args()
    ours = {name: it for name, it in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    spinning = {"OMP_NUM_THREADS": str(os.cpu_count()), "GOMP_SPINCOUNT": SPINS}
    ways = {"balcap's": ours, "torch's": ours | spinning}
    words = ["--rewards", "qa,cov,fluency", "--eval-samples", "0"]
    if asked.smoke:
        del ways["torch's"]
        asked.steps, words = 2, [*words, "--rewards", "fluency", "--batch", "8"]
    words += ["--steps", str(asked.steps)]
    seconds: dict[tuple[str, int], list[float]] = defaultdict(list)
    threads: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(asked.rounds):
            for name, environment in ways.items():
                for others in (0, 1):
                    run = Path(folder) / f"{number}-{name}-{others}"
                    with busy(others):
                        took, threads[name] = trained(run, words, environment)
                    seconds[name, others].append(took)
    best = {key: min(each) for key, each in seconds.items()}
    say(
        table(
            [
                {
                    "threads": f"{name}, {threads[name]}",
                    "alone": f"{best[name, 0]:.1f} s",
                    "beside one": f"{best[name, 1]:.1f} s",
                    "ratio": f"{best[name, 1] / best[name, 0]:.2f}",
                }
                for name in ways
            ]
        )
    )
    say(f"{asked.steps} steps on {os.cpu_count()} cores, the fastest of {asked.rounds} round(s)")


if __name__ == "__main__":
    main()
