"""A training whose judge's server is killed, in processes of their own, as a user would see it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from balcap.cli import main
from balcap.runs.folder import RunFolder
from helpers.judge_server import served
from helpers.precision_judge import answer

SCRIPT = f"{Path(__file__).parent / 'helpers' / 'precision_judge.py'}:answer"


def command(run: Path, url: str, cache: Path) -> list[str]:
    """The embedded policy and world, with the smallest batch that the gate and GDPO make sense of,
    and nothing kept of the answers beyond the process."""
    return [
        "train", "--rewards", "qa,cov,fluency,precision", "--judge.backend", "endpoint",
        "--judge.url", url, "--judge.model", "scripted", "--judge.cache", str(cache),
        "--judge.retries", "1", "--judge-wait", "1", "--run", str(run), "--steps", "5",
        "--group-size", "4", "--batch", "8", "--max-tokens", "12", "--save-every", "5",
        "--shapes.train", "40", "--eval-samples", "2",
    ]  # fmt: skip


@contextmanager
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A judge's server as a process of its own, with its address."""
    words = ["-m", "helpers.judge_server", "--script", SCRIPT, "--latency", "0.1"]
    process = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def numbers(run: RunFolder) -> list[dict[str, float | None]]:
    """Everything but times, and what was asked again after a kill."""
    return [
        {k: v for k, v in row.items() if not k.startswith(("seconds", "judge"))}
        for row in run.read_metrics()
    ]


def test_a_killed_server_ends_a_training_that_goes_on_as_if_nothing_had_been(
    tmp_path: Path,
) -> None:
    whole, cut = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")
    with served(answer) as here:
        assert main(command(whole.path, here.url, Path("off"))) == 0
    with server() as (judge, url):
        words = [sys.executable, "-m", "balcap", *command(cut.path, url, Path("off"))]
        training = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while len(cut.read_metrics()) < 2 and training.poll() is None:
            time.sleep(0.02)
        judge.kill()
        out, err = training.communicate(timeout=60)
    assert training.returncode == 3, out + err
    assert err.startswith("balcap train: error: reward head 'precision': its judge ")
    assert url in err
    assert err.endswith(f"resume with: balcap train --resume {cut.path}\n")
    assert err.count("\n") == 1
    assert "waiting for 1 s more for its judge" in out
    assert 2 <= cut.last_step() < 5
    with served(answer) as elsewhere:
        assert main(["train", "--resume", str(cut.path), "--judge.url", elsewhere.url]) == 0
    assert numbers(cut) == numbers(whole)
    assert len(numbers(cut)) == 5
    for file in whole.rollouts.iterdir():
        assert pd.read_parquet(cut.rollouts / file.name).equals(pd.read_parquet(file))
    for side in ("before", "after", "before_greedy", "after_greedy"):
        assert cut.read_json(cut.summary)[side] == whole.read_json(whole.summary)[side]
    assert cut.read_json(cut.summary)["judges"]["precision"]["failed"] > 0
