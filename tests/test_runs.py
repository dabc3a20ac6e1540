"""A run's folder: whole files only, and nothing forgotten but what a resumed run writes again."""

import json
from pathlib import Path

import pandas as pd
import pytest

from balcap.errors import UserError
from balcap.runs.folder import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.create("policy: tiny-llava-1.5\n")
    return folder


def checkpoint(run: RunFolder, step: int, *, whole: bool = True) -> None:
    path = run.checkpoints / f"checkpoint-{step}"
    path.mkdir(parents=True)
    if whole:
        (path / "trainer_state.json").write_text("{}")


def write_half(run: RunFolder) -> None:
    with run.whole(run.summary) as file:
        file.write(b"half")
        raise KeyError


def test_a_file_that_fails_half_way_never_appears(run: RunFolder) -> None:
    with pytest.raises(KeyError):
        write_half(run)
    assert {path.name for path in run.path.iterdir()} == {"config.yaml", "rollouts"}


def test_a_folder_with_a_run_is_not_made_again(run: RunFolder) -> None:
    with pytest.raises(UserError, match="already holds a run"):
        run.create("")


def test_a_line_of_metrics_cut_short_by_a_crash_is_left_out(run: RunFolder) -> None:
    run.add_metrics(1, {"loss": 0.5})
    with run.metrics.open("a") as file:
        file.write('{"step": 2, "lo')
    assert run.read_metrics() == [{"step": 1, "loss": 0.5}]


def test_rewinding_forgets_what_came_after(run: RunFolder) -> None:
    for step in (1, 2, 3):
        run.add_metrics(step, {"loss": float(step)})
        run.add_rollouts(step, {"caption": ["a"]})
    run.rewind(2)
    assert [row["step"] for row in run.read_metrics()] == [1, 2]
    assert [path.name for path in sorted(run.rollouts.iterdir())] == [
        "step_000001.parquet",
        "step_000002.parquet",
    ]
    assert len(pd.read_parquet(run.rollouts / "step_000002.parquet")) == 1


def test_the_last_whole_checkpoint_counts(run: RunFolder) -> None:
    checkpoint(run, 9)
    checkpoint(run, 10)
    checkpoint(run, 11, whole=False)
    checkpoint(run, 12)
    (run.checkpoints / "checkpoint-12" / "trainer_state.json").write_text('{"half": ')
    assert run.last_step() == 10  # as numbers: as text, 9 would come last


def test_a_run_without_a_checkpoint_says_so(run: RunFolder) -> None:
    with pytest.raises(UserError, match="no checkpoint"):
        run.last_checkpoint()
    assert run.last_step() == 0


def test_json_is_never_nan(run: RunFolder) -> None:
    with pytest.raises(ValueError, match="JSON"):
        run.write_json(run.summary, {"qa": float("nan")})
    assert not run.summary.exists()
    run.write_json(run.summary, {"qa": None})
    assert json.loads(run.summary.read_text()) == {"qa": None}
