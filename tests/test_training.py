"""`balcap train` from end to end, with random policies: what a run leaves, and how it ends."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from balcap.cli import main
from balcap.runs.folder import RunFolder
from helpers.training import command, head, without_seconds


@pytest.fixture(scope="module")
def finished(
    fresh_policies: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> RunFolder:
    path = tmp_path_factory.mktemp("runs") / "finished"
    assert main(command(fresh_policies["qwen2.5-vl"], path)) == 0
    return RunFolder(path)


def test_a_run_leaves_everything_behind(finished: RunFolder) -> None:
    assert [row["step"] for row in finished.read_metrics()] == [1, 2, 3, 4]
    assert len(list(finished.rollouts.glob("*.parquet"))) == 4
    assert finished.last_step() == 4
    assert finished.curves.read_bytes().startswith(b"\x89PNG")


def test_the_summary_has_both_sides_sampled_and_greedy(finished: RunFolder) -> None:
    summary = finished.read_json(finished.summary)
    assert summary["steps"] == 4
    assert summary["seconds"] > 0
    for side in ("before", "after", "before_greedy", "after_greedy"):
        assert {
            "letters", "brief", "harmonic_mean", "words", "gate_rate",
            "object_precision", "object_recall", "fact_precision", "fact_recall", "fact_f1",
        } <= set(summary[side])  # fmt: skip
        assert summary[side]["scored"] == {"letters": 4, "brief": 4}


def test_every_caption_is_kept_with_what_was_made_of_it(finished: RunFolder) -> None:
    table = pd.read_parquet(finished.rollouts / "step_000001.parquet")
    assert len(table) == 8
    assert table["sample"].nunique() == table["group"].nunique() == 2
    for row in table.itertuples():
        assert row.letters == row.caption.count("e") / (1 + len(row.caption))
    # GDPO whitens over the batch: mean 0 and, but for its epsilon, a std of 1
    assert abs(table["advantage"].mean()) < 1e-9
    assert table["advantage"].std() == pytest.approx(1, abs=1e-3)


def test_the_settings_of_a_run_repeat_it(finished: RunFolder, tmp_path: Path) -> None:
    again = RunFolder(tmp_path / "again")
    assert main(["train", "--config", str(finished.config), "--run", str(again.path)]) == 0
    assert without_seconds(again) == without_seconds(finished)


def test_a_resumed_run_has_the_metrics_of_an_unbroken_one(
    finished: RunFolder, fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    """Cut after step 2, with rollouts of step 3 already on disk."""
    cut = RunFolder(tmp_path / "cut")
    shutil.copytree(finished.path, cut.path)
    shutil.rmtree(cut.last_checkpoint())
    assert main(["train", "--resume", str(cut.path)]) == 0
    assert without_seconds(cut) == without_seconds(finished)
    for name in ("before", "after", "after_greedy"):
        assert cut.read_json(cut.summary)[name] == finished.read_json(finished.summary)[name]
    for step in range(1, 5):
        file = f"step_{step:06d}.parquet"
        assert pd.read_parquet(cut.rollouts / file).equals(
            pd.read_parquet(finished.rollouts / file)
        )


def test_a_run_that_died_before_its_last_evaluation_only_evaluates(
    finished: RunFolder, tmp_path: Path
) -> None:
    cut = RunFolder(tmp_path / "cut")
    shutil.copytree(finished.path, cut.path)
    whole = cut.read_json(cut.summary)
    cut.write_json(cut.summary, {name: whole[name] for name in ("before", "before_greedy")})
    assert main(["train", "--resume", str(cut.path)]) == 0
    assert cut.last_step() == 4
    assert cut.read_metrics() == finished.read_metrics()
    assert cut.read_json(cut.summary)["after"] == whole["after"]
    assert cut.read_json(cut.summary)["steps"] == 4


def test_a_run_is_a_policy(
    finished: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    Image.new("RGB", (100, 60), "red").save(tmp_path / "red.png")
    arguments = ["caption", "--policy", str(finished.path), str(tmp_path / "red.png"), "--json"]
    assert main([*arguments, "--max-tokens", "5"]) == 0
    assert json.loads(capsys.readouterr().out)["image"] == str(tmp_path / "red.png")


def test_another_run_of_the_same_name_is_refused(
    finished: RunFolder, fresh_policies: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(fresh_policies["qwen2.5-vl"], finished.path)) == 2
    assert "--resume" in capsys.readouterr().err


@pytest.mark.parametrize("family", ["qwen2.5-vl", "llava-1.5"])
@pytest.mark.parametrize(
    "settings",
    [["--lora.rank", "2", "--freeze-vision"], ["--beta", "0.1", "--shapes.train", "4"]],
)
def test_both_families_resume_and_are_trained_further(
    family: str, settings: list[str], fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    """With adapters; and in full, beside a reference policy that a resumed run must find again, and
    in the second pass over 4 samples of which each step takes 2."""
    run, cut = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "cut")
    assert main(command(fresh_policies[family], run.path, *settings)) == 0
    shutil.copytree(run.path, cut.path)
    shutil.rmtree(cut.last_checkpoint())
    assert main(["train", "--resume", str(cut.path)]) == 0
    assert without_seconds(cut) == without_seconds(run)
    assert main(command(run.path, tmp_path / "next", "--steps", "1")) == 0


def test_the_seed_makes_the_adapters(fresh_policies: dict[str, Path], tmp_path: Path) -> None:
    """huggingface/trl#6688: adapters drawn before the seed was set differed between equal runs."""
    policy = fresh_policies["llava-1.5"]
    runs = [RunFolder(tmp_path / name) for name in ("one", "two")]
    for run in runs:
        assert (
            main(
                command(policy, run.path, "--lora.rank", "2", "--steps", "2", "--eval-samples", "0")
            )
            == 0
        )
    assert without_seconds(runs[0]) == without_seconds(runs[1])


def test_unscored_cells_are_counted_and_kept_with_their_reason(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    rewards = f"{head('Letters')},{head('Picky')}"
    arguments = command(
        fresh_policies["llava-1.5"], tmp_path / "run", "--rewards", rewards, "--steps", "1"
    )
    assert main(arguments) == 0
    run = RunFolder(tmp_path / "run")
    table = pd.read_parquet(run.rollouts / "step_000001.parquet")
    even = table["caption"].str.len() % 2 == 0
    assert table["picky"].isna().equals(even)
    assert set(table.loc[even, "picky.reason"]) <= {"even"}
    assert run.read_metrics()[0]["reward/picky/unscored"] == pytest.approx(even.mean())


def test_nan_from_a_head_ends_the_run_and_names_the_head(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = command(
        fresh_policies["llava-1.5"], tmp_path / "run", "--rewards", head("NotANumber")
    )
    assert main([*arguments, "--eval-samples", "0"]) == 2
    error = capsys.readouterr().err
    assert "'nan'" in error
    assert "Traceback" not in error


def test_a_head_that_raises_ends_the_run_and_loses_nothing(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = command(fresh_policies["llava-1.5"], tmp_path / "run", "--rewards", head("Breaks"))
    assert main([*arguments, "--eval-samples", "0"]) == 2
    error = capsys.readouterr().err
    assert "'breaks'" in error
    assert "KeyError" in error
    assert "heads.py" in error
    run = RunFolder(tmp_path / "run")
    assert run.last_step() == 1  # the step before the failure, though only every second is saved
    assert len(run.read_metrics()) == 1


def test_a_full_disk_is_one_message(
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    arguments = command(fresh_policies["llava-1.5"], tmp_path / "run", "--eval-samples", "0")
    sync = os.fsync
    written = []

    def full_after_the_settings(descriptor: int) -> None:
        written.append(descriptor)
        sync(descriptor) if len(written) == 1 else full(descriptor)

    monkeypatch.setattr(os, "fsync", full_after_the_settings)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "No space left" in error
    assert "--resume" in error
    assert "Traceback" not in error
    assert not list((tmp_path / "run" / "rollouts").iterdir())  # no half-written file either


def test_ctrl_c_leaves_a_checkpoint_and_a_summary(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    arguments = command(
        fresh_policies["llava-1.5"], run.path, "--steps", "2000", "--save-every", "2000"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "balcap", *arguments], stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not run.read_metrics() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in out
    assert run.read_json(run.summary)["interrupted"] is True
    assert run.last_step() == run.read_metrics()[-1]["step"]
