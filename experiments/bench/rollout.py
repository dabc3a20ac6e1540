"""Rollouts by vLLM beside those by transformers: seconds a step, tokens a second, the same policy?

    python experiments/bench/rollout.py --policy Qwen/Qwen2.5-VL-3B-Instruct --data records:F.jsonl

Trains for a few steps with each engine, in turns and in processes of their own, and takes medians
over the steps after the first, which compiles kernels. Any other option of `balcap train` may
follow. The reward costs nothing: it counts characters. Needs a GPU and vLLM; with `--engines hf` it
does not.

`difference` is the mean absolute difference a token between vLLM's log-probabilities and those of
the loss.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import torch

from balcap.console import say, table
from balcap.runs.folder import RunFolder

ENGINES = ("hf", "vllm-colocate")
HEAD = """
from balcap.heads import Head


class Characters(Head):
    name = "characters"

    def score(self, captions):
        return [min(1.0, len(c.text) / 1000) for c in captions]
"""
Steps = list[dict[str, float]]


def missing(engines: list[str]) -> str | None:
    """What this machine lacks for the engines, as a sentence; None if nothing."""
    if unknown := set(engines) - set(ENGINES):
        return f"no engine {', '.join(sorted(unknown))}; have {', '.join(ENGINES)}"
    if engines == ["hf"] or (torch.cuda.is_available() and find_spec("vllm") is not None):
        return None
    return (
        "vllm-colocate needs a GPU and vllm (pip install 'balcap[vllm]'); on this machine torch "
        f"{'sees a' if torch.cuda.is_available() else 'sees no'} GPU, and vllm is "
        f"{'not ' if find_spec('vllm') is None else ''}installed: go to one that has both, or try "
        "--engines hf"
    )


def trained(words: list[str], folder: Path) -> Steps:
    """Train by a command line; the numbers of its steps after the first."""
    done = subprocess.run(
        [sys.executable, "-m", "balcap", "train", *words, "--run", str(folder)],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise SystemExit(done.returncode)
    return [
        {name: float(value) for name, value in step.items() if value is not None}
        for step in list(RunFolder(folder).read_metrics())[1:]
    ]


def row(engine: str, steps: Steps, captions: int) -> dict[str, str]:
    """One line of the table."""

    def median(name: str) -> float:
        return statistics.median(step[name] for step in steps)

    written = statistics.median(
        step["length/tokens"] * captions / step["seconds/generate"] for step in steps
    )
    known = [s["rollout/logp_difference"] for s in steps if "rollout/logp_difference" in s]
    return {
        "rollouts": engine,
        "generate": f"{median('seconds/generate'):.2f} s",
        "update": f"{median('seconds/update'):.2f} s",
        "step": f"{median('seconds/step'):.2f} s",
        "tokens/s": f"{written:.0f}",
        "difference": f"{statistics.mean(known):.3f}" if known else "-",
    }


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        allow_abbrev=False,  # the others are balcap's
    )
    arguments.add_argument("--engines", default=",".join(ENGINES))
    arguments.add_argument("--steps", type=int, default=6)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--batch", type=int, default=32)
    asked, more = arguments.parse_known_args()
    engines = asked.engines.split(",")
    if lacks := missing(engines):
        arguments.exit(2, lacks + "\n")
    if asked.steps < 2:
        arguments.exit(
            2, f"--steps is {asked.steps}; it must be at least 2: the first is left out\n"
        )
    found: dict[str, Steps] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        head = Path(name) / "characters.py"
        head.write_text(HEAD)
        reward = f"{head}:Characters"
        words = [
            "--rewards", reward, "--eval-rewards", reward, "--gate", "none", "--eval-samples", "0",
            "--steps", str(asked.steps), "--batch", str(asked.batch), *more,
        ]  # fmt: skip
        for number in range(asked.rounds):
            for engine in engines:
                run = Path(name) / f"{number}-{engine}"
                found[engine] += trained([*words, "--rollout.engine", engine], run)
    say(table([row(engine, found[engine], asked.batch) for engine in engines]))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    counted = f"{asked.rounds} x {asked.steps - 1} steps"
    say(f"medians of {counted}, {asked.batch} captions each; {device}")


if __name__ == "__main__":
    main()
