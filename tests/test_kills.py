"""A training that is killed again and again ends as one that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from balcap.cli import main
from balcap.runs.folder import RunFolder
from helpers.training import command, without_seconds

KILLS = int(os.environ.get("BALCAP_KILLS", "3"))  # the ten take two minutes
STEPS = 40


def start(arguments: list[str]) -> subprocess.Popen[str]:
    """`balcap` in a process of its own."""
    words = [sys.executable, "-m", "balcap", *arguments]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def kill_after(process: subprocess.Popen[str], run: RunFolder, steps: int, pause: float) -> None:
    """SIGKILL once the run has that many steps more, a moment into the next."""
    goal = len(run.read_metrics()) + steps
    while process.poll() is None and len(run.read_metrics()) < goal:
        time.sleep(0.01)
    time.sleep(pause)
    process.kill()
    process.wait()


def test_kills_change_nothing(fresh_policies: dict[str, Path], tmp_path: Path) -> None:
    """Each kill loses what came after the last checkpoint, and the next start makes it again."""
    rng = random.Random(0)
    whole, killed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    settings = ["--steps", str(STEPS), "--save-every", "2"]
    assert main(command(fresh_policies["llava-1.5"], whole.path, *settings)) == 0
    arguments = command(fresh_policies["llava-1.5"], killed.path, *settings)
    for _ in range(KILLS):
        process = start(arguments)
        kill_after(process, killed, rng.randint(0, 4), rng.uniform(0, 0.4))
        assert process.returncode == -signal.SIGKILL
        for file in killed.rollouts.glob("step_*.parquet"):
            assert len(pd.read_parquet(file)) == 8  # whatever is there is whole
        arguments = ["train", "--resume", str(killed.path)]
    out, _ = start(arguments).communicate(timeout=120)
    assert killed.summary.is_file(), out
    assert without_seconds(killed) == without_seconds(whole)
    assert len(killed.read_metrics()) == STEPS
    for file in whole.rollouts.iterdir():
        assert pd.read_parquet(killed.rollouts / file.name).equals(pd.read_parquet(file))
    for side in ("before", "after", "before_greedy", "after_greedy"):
        assert killed.read_json(killed.summary)[side] == whole.read_json(whole.summary)[side]


def test_a_run_killed_before_its_settings_were_written_can_be_started_again(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run" / "rollouts").mkdir(parents=True)
    assert main(["train", "--resume", str(tmp_path / "run")]) == 2
    assert "config.yaml" in capsys.readouterr().err
    assert main(command(fresh_policies["llava-1.5"], tmp_path / "run", "--steps", "1")) == 0


def test_sigterm_leaves_a_checkpoint_of_a_supervised_training(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    words = [
        "sft", "--policy", str(fresh_policies["llava-1.5"]), "--run", str(run.path),
        "--shapes.train", "16", "--batch", "2", "--steps", "4000", "--save-every", "4000",
        "--max-tokens", "8", "--gradient-checkpointing", "false",
    ]  # fmt: skip
    process = start(words)
    while process.poll() is None and not run.read_metrics():
        time.sleep(0.01)
    process.terminate()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM, out
    assert run.newest_checkpoint() is not None


def test_sigterm_leaves_a_checkpoint_of_the_step_in_flight(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    """No checkpoint is due before step 400: the one that is there was written for the signal."""
    run = RunFolder(tmp_path / "run")
    more = ["--steps", "400", "--save-every", "400"]
    process = start(command(fresh_policies["llava-1.5"], run.path, *more))
    while process.poll() is None and not run.read_metrics():
        time.sleep(0.01)
    process.terminate()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM, out
    assert run.last_step() == len(run.read_metrics()) >= 1
    assert run.read_json(run.summary)["interrupted"] is True


def test_sigterm_costs_nothing_also_one_step_ahead(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    """The checkpoint has the batch that was written ahead: resumed, the run is the unbroken one."""
    whole, stopped = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "stopped")
    settings = ["--steps", "60", "--save-every", "60", "--rollout.ahead", "1"]
    assert main(command(fresh_policies["qwen2.5-vl"], whole.path, *settings)) == 0
    process = start(command(fresh_policies["qwen2.5-vl"], stopped.path, *settings))
    while process.poll() is None and len(stopped.read_metrics()) < 3:
        time.sleep(0.01)
    process.terminate()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM, out
    assert 3 <= stopped.last_step() < 60
    assert main(["train", "--resume", str(stopped.path)]) == 0
    assert without_seconds(stopped) == without_seconds(whole)
    for file in whole.rollouts.iterdir():
        assert pd.read_parquet(stopped.rollouts / file.name).equals(pd.read_parquet(file))
