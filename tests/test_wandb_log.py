"""wandb gets what the run's own files hold, and never stands in the way of a run."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from balcap.cli import main
from balcap.runs import metrics
from balcap.runs.folder import RunFolder
from balcap.runs.trackers import summary_values
from balcap.runs.trackers.wandb import WandbLog
from helpers.training import command, without_seconds
from helpers.wandb_files import config, history, summary, tables

HEADS = ("letters", "brief")


@pytest.fixture(scope="module")
def offline(
    fresh_policies: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunFolder, Path]:
    """A run with --wandb and --tensorboard, and wandb's file of it."""
    run = RunFolder(tmp_path_factory.mktemp("runs") / "offline")
    words = command(fresh_policies["llava-1.5"], run.path, "--wandb", "--beta", "0.1")
    words += ["--tensorboard", "--captions-every", "2"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        for name in ("WANDB_DIR", "WANDB_DATA_DIR"):
            patch.setenv(name, "")  # so that what balcap sets is undone, too
            patch.delenv(name)
        assert main(words) == 0
    [file] = run.path.glob("wandb/offline-run-*/run-*.wandb")
    return run, file


def documented() -> set[str]:
    """The names in the table on top of metrics.py that a run without vLLM and judges has."""
    names = set()
    rows = [row for row in (metrics.__doc__ or "").splitlines() if "(vLLM only)" not in row]
    for cell in re.findall(r"^\| (`.*?) \|", "\n".join(rows), re.MULTILINE):
        first = ""
        for name in re.findall(r"`([^`]+)`", cell):
            # `/std` stands for the first name of its cell with another end
            full = f"{first.rpartition('/')[0]}{name}" if name.startswith("/") else name
            first = first or full
            names.add(full)
    pair = "~".join(HEADS)
    names = {name.replace("A~B", pair) for name in names}
    names = {name for name in names if not name.startswith("judge/")}
    return {name.replace("HEAD", h) for name in names for h in HEADS}


def test_an_offline_run_has_every_metric_of_the_documented_table(
    offline: tuple[RunFolder, Path],
) -> None:
    run, file = offline
    steps = {row["_step"]: row for row in history(file)}
    assert {"reward/brief/std", "seconds/score/letters", "kl", "corr/letters~brief"} <= documented()
    logged = set().union(*steps.values())
    # a head is dead, or a correlation one of constants, in some runs of random captions
    without_value = {name for row in run.read_metrics() for name, v in row.items() if v is None}
    assert documented() - without_value <= logged
    for row in run.read_metrics():
        expected = {name: value for name, value in row.items() if value is not None}
        step = expected.pop("step")
        assert {name: steps[step][name] for name in expected} == expected


def test_an_offline_run_has_the_scores_and_captions_with_images(
    offline: tuple[RunFolder, Path],
) -> None:
    run, file = offline
    written = run.read_json(run.summary)
    found = summary(file)
    assert found["after/letters"] == written["after"]["letters"]
    assert found["before/harmonic_mean"] == written["before"]["harmonic_mean"]
    assert config(file)["group_size"] == 4
    for side, step in (("before", 0), ("after", 4)):
        [row] = [row for row in history(file) if f"captions/{side}/path" in row]
        assert row["_step"] == step
        files = tables(file, f"captions/{side}")
        assert all(run.path.resolve() in place.parents for place in files.values())
        table = json.loads(files[f"captions/{side}.table.json"].read_text())
        assert table["columns"] == ["sample", "image", "caption", *HEADS]
        captions = run.read_json(run.captions)[side]
        for line, held_out in zip(table["data"], captions, strict=True):
            sample, image, caption, *scores = line
            assert (sample, caption) == (held_out["sample"], held_out["caption"])
            assert scores == [held_out["scores"][name] for name in HEADS]
            assert files[image["path"]].read_bytes().startswith(b"\x89PNG")


def test_captions_of_the_same_samples_are_kept_every_other_step(
    offline: tuple[RunFolder, Path], tmp_path: Path
) -> None:
    """The greedy ones of the last of four steps are those of the evaluation after it."""
    run, file = offline
    during = run.read_json(run.captions_during)
    assert list(during) == ["2", "4"]
    after = {row["sample"]: row["caption"] for row in run.read_json(run.captions)["after_greedy"]}
    assert {row["sample"]: row["caption"] for row in during["4"]} == after
    tabled = [row["_step"] for row in history(file) if "captions/during/path" in row]
    assert tabled == [2, 4]
    resumed = RunFolder(shutil.copytree(run.path, tmp_path / "resumed"))
    resumed.rewind(3)
    assert list(resumed.read_json(resumed.captions_during)) == ["2"]


def test_tensorboard_has_the_metrics_and_the_captions(offline: tuple[RunFolder, Path]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run, _ = offline
    read = EventAccumulator(str(run.path / "tensorboard")).Reload()
    for row in run.read_metrics():
        for name, value in row.items():
            if value is not None and name != "step":
                at_step = [e.value for e in read.Scalars(name) if e.step == row["step"]]
                assert at_step == [pytest.approx(value, rel=1e-6)]  # kept as float32 there
    [after] = read.Tensors("captions/after")
    shown = after.tensor_proto.string_val[0].decode().splitlines()
    assert shown[0] == "| sample | caption | letters | brief |"
    assert len(shown) == 2 + len(run.read_json(run.captions)["after"])


def test_trackio_has_the_metrics_and_the_captions(
    offline: tuple[RunFolder, Path], tmp_path: Path
) -> None:
    """In a process of its own, for Trackio settles its folder when it is first imported."""
    run, _ = offline
    program = """
import json, pathlib, sys
from PIL import Image
from balcap.runs.folder import RunFolder
from balcap.runs.trackers.trackio import TrackioLog
from balcap.types import Sample

class Drawn:
    def render(self):
        return Image.new("RGB", (8, 8))

run, log = RunFolder(pathlib.Path(sys.argv[1])), TrackioLog()
log.begin(run, "project")
for row in run.read_metrics():
    log.step(int(row["step"]), {name: value for name, value in row.items() if name != "step"})
rows = run.read_json(run.captions)["after"]
log.captions("after", 4, [Sample(row["sample"], "", Drawn()) for row in rows], rows)
log.end()
from trackio.sqlite_storage import SQLiteStorage
print(json.dumps(SQLiteStorage.get_logs("project", "offline"), default=str))
"""
    environment = os.environ | {"TRACKIO_DIR": str(tmp_path / "trackio")}
    done = subprocess.run(
        [sys.executable, "-c", program, str(run.path)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    [found] = [line for line in done.stdout.splitlines() if line.startswith("[{")]
    logs = json.loads(found)
    losses = {row["step"]: row["loss"] for row in logs if "loss" in row}
    assert losses == {row["step"]: row["loss"] for row in run.read_metrics()}
    [after] = [row["captions/after"] for row in logs if "captions/after" in row]
    captions = [row["caption"] for row in run.read_json(run.captions)["after"]]
    assert [row["caption"] for row in after["_value"]] == captions


def test_wandb_changes_no_number(
    offline: tuple[RunFolder, Path], fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    without = RunFolder(tmp_path / "without")
    assert main(command(fresh_policies["llava-1.5"], without.path, "--beta", "0.1")) == 0
    assert without_seconds(without) == without_seconds(offline[0])
    assert not (without.path / "wandb").exists()


class Broken:
    """A wandb whose calls fail from the nth on."""

    def __init__(self, good_calls: int) -> None:
        self.calls = 0
        self.good_calls = good_calls
        self.Settings = type("Settings", (SimpleNamespace,), {"model_fields": {}})
        self.id, self.url, self.offline = "an-id", "https://example.org/run", False
        self.config: dict[str, Any] = {}
        self.define_metric = lambda *_, **__: None
        self.summary: dict[str, float] = {}

    def _call(self) -> None:
        self.calls += 1
        if self.calls > self.good_calls:
            raise ConnectionError("no way to the server")

    def init(self, **_: Any) -> "Broken":
        self._call()
        return self

    def log(self, *_: Any, **__: Any) -> None:
        self._call()

    def finish(self, **_: Any) -> None:
        self._call()


@pytest.mark.parametrize("good_calls", [0, 1, 2])
def test_whatever_fails_in_wandb_costs_one_warning(
    good_calls: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = Broken(good_calls)
    monkeypatch.setitem(sys.modules, "wandb", broken)  # type: ignore[arg-type]
    run = RunFolder(tmp_path)
    run.config.write_text("seed: 0\n")
    log = WandbLog()
    log.begin(run, "project")
    for step in (1, 2, 3):
        log.step(step, {"loss": 0.0})
    log.summary({"after": {"qa": 0.5}})
    log.end()
    assert broken.calls == good_calls + 1
    assert capsys.readouterr().out.count("no way to the server") == 1


def test_without_a_key_a_run_goes_on_without_wandb(tmp_path: Path) -> None:
    """In a process of its own, for wandb keeps its mode for the whole process."""
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    program = """
import pathlib, sys
from balcap.runs.folder import RunFolder
from balcap.runs.trackers.wandb import WandbLog
log = WandbLog()
log.begin(RunFolder(pathlib.Path(sys.argv[1])), "project")
log.step(1, {"loss": 0.0})
log.end()
print("goes on")
"""
    environment = {name: v for name, v in os.environ.items() if not name.startswith("WANDB")}
    environment |= {"HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc")}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.count("wandb is left out from here on: No API key configured") == 1
    assert done.stdout.splitlines()[-1] == "goes on"


def test_a_resumed_run_is_the_same_run_of_wandb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    fake = Broken(good_calls=100)
    monkeypatch.setattr(fake, "init", lambda **given: asked.append(given) or fake)
    monkeypatch.setitem(sys.modules, "wandb", fake)  # type: ignore[arg-type]
    monkeypatch.delenv("WANDB_DIR", raising=False)
    run = RunFolder(tmp_path)
    run.config.write_text("seed: 0\n")
    for _ in range(2):
        WandbLog().begin(run, "a-project")
    assert "id" not in asked[0]
    assert (asked[1]["id"], asked[1]["resume"]) == ("an-id", "allow")
    assert asked[1]["dir"] == str(tmp_path)
    assert asked[1]["project"] == "a-project"
    # without a setting, wandb's own variables count
    monkeypatch.setenv("WANDB_PROJECT", "of-the-environment")
    monkeypatch.setenv("WANDB_NAME", "a-name")
    WandbLog().begin(run, None)
    assert not {"project", "name"} & set(asked[2])
    monkeypatch.delenv("WANDB_PROJECT")
    # under an agent, project and id are the agent's
    monkeypatch.setenv("WANDB_SWEEP_ID", "s")
    WandbLog().begin(run, "a-project")
    assert not {"id", "project", "name"} & set(asked[3])


def test_the_summary_is_flat_and_numbers_only() -> None:
    summary = {"after": {"qa": 0.5, "cov": None, "scored": {"qa": 3}}, "interrupted": False}
    assert summary_values(summary) == {"after/qa": 0.5, "after/scored/qa": 3}
