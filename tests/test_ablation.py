"""An ablation: cells differ in what they name, verdicts follow from intervals, kills cost little.

The runs are a stand-in's, with known scores.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from balcap.cli import COMMANDS, main
from balcap.cli.parser import parse
from balcap.config import ShapesSettings
from balcap.config.ablate import AblateSettings
from balcap.data import shapes
from balcap.runs.folder import RunFolder
from balcap.sweeps import ablation, commands
from balcap.sweeps.ablation.cells import BALANCED, CELLS, COMMAND, chosen
from balcap.sweeps.ablation.claims import CLAIMS, Claim, Prediction, Verdict, seen
from balcap.sweeps.ablation.claims import judge as verdict_on
from balcap.sweeps.ablation.measures import METRICS, Difference, paired, scores_of
from balcap.training.held_out import Band, judge
from balcap.types import Caption
from helpers import ablation as stand_in

PROGRAM = (sys.executable, stand_in.__file__, "train", "${args}")


# Cells


def test_runs_of_a_seed_differ_in_what_their_cell_names_and_in_nothing_else() -> None:
    """8 cells x 5 seeds, seed by seed, so that whole pairs are done first."""
    plan = ablation.planned(AblateSettings())
    assert [(one.cell, one.seed) for one in plan] == [(c, s) for s in range(5) for c in CELLS]
    reference = plan[0].values
    for one in plan:
        changed = {name for name in one.values if one.values[name] != reference[name]}
        assert changed == set(one.cell.changes) | ({"seed"} if one.seed else set())


def test_every_cell_is_a_training_that_balcap_takes() -> None:
    for one in ablation.planned(AblateSettings(seeds=2)):
        words = commands.expand(COMMAND, "", one.values)
        settings = parse(COMMANDS["train"], words[words.index("train") + 1 :]).settings
        assert settings.seed == one.seed


def test_the_reference_cell_is_the_default_of_train() -> None:
    default = parse(COMMANDS["train"], []).settings
    values = BALANCED.values
    assert values.pop("shapes.references") == default.shapes.references
    assert values == {name: getattr(default, name) for name in values}


def test_the_reference_cell_is_always_among_those_that_are_chosen() -> None:
    assert [cell.name for cell in chosen(["sum", "utility"])] == ["balanced", "utility", "sum"]
    assert chosen([]) == CELLS


def test_every_prediction_is_of_a_cell_and_a_metric_that_there_are() -> None:
    assert len(CLAIMS) == 6
    predicted = {(p.cell, p.metric) for claim in CLAIMS for p in claim.predictions}
    assert {cell for cell, _ in predicted} == {cell.name for cell in CELLS} - {"balanced"}
    assert {metric for _, metric in predicted} <= set(METRICS)


# Verdicts


def test_differences_are_paired_by_seed() -> None:
    """Seeds 0 and 1: +0.1 and +0.3. Mean 0.2, s = 0.1414, t(0.975; 1) = 12.706: half 1.2706.

    Seed 2 is in one of the two only, and seed 3 has no score in one.
    """
    first = {0: {"qa": 0.1}, 1: {"qa": 0.5}, 2: {"qa": 0.0}, 3: {"qa": 0.0}}
    second = {0: {"qa": 0.2}, 1: {"qa": 0.8}, 3: {"qa": None}}
    found = paired(first, second, "qa")
    assert (found.pairs, found.mean) == (2, pytest.approx(0.2))
    assert found.interval == pytest.approx((0.2 - 1.2706, 0.2 + 1.2706), abs=1e-4)
    assert paired(first, {}, "qa") == Difference(0, None, None)


@pytest.mark.parametrize(
    ("interval", "pairs", "expected"),
    [
        ((0.01, 0.03), 5, Verdict.HOLDS),
        ((-0.03, -0.01), 5, Verdict.DOES_NOT),
        ((-0.01, 0.03), 5, Verdict.OPEN),
        ((0.0, 0.03), 5, Verdict.OPEN),  # 0 itself is in the interval
        ((0.01, 0.03), 4, Verdict.OPEN),  # too few seeds
        (None, 0, Verdict.OPEN),
    ],
)
def test_a_prediction_is_confirmed_by_an_interval_on_its_side_of_0(
    interval: tuple[float, float] | None, pairs: int, expected: Verdict
) -> None:
    opposite = {Verdict.HOLDS: Verdict.DOES_NOT, Verdict.DOES_NOT: Verdict.HOLDS}
    difference = Difference(pairs, None, interval)
    assert seen(Prediction("sum", "qa", higher=True), difference) is expected
    lower = seen(Prediction("sum", "qa", higher=False), difference)
    assert lower is opposite.get(expected, Verdict.OPEN)


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ({"qa": (0.1, 0.2), "cov": (0.1, 0.2)}, Verdict.HOLDS),
        ({"qa": (0.1, 0.2), "cov": (-0.1, 0.2)}, Verdict.OPEN),
        ({"qa": (-0.1, 0.2), "cov": (-0.2, -0.1)}, Verdict.DOES_NOT),
    ],
)
def test_a_claim_needs_all_its_predictions_and_falls_with_one(
    intervals: dict[str, tuple[float, float]], expected: Verdict
) -> None:
    predictions = tuple(Prediction("sum", name, higher=True) for name in intervals)
    claim = Claim("", "", predictions)
    assert verdict_on(claim, lambda _, metric: Difference(5, None, intervals[metric])) is expected


# Running


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ablation, "COMMAND", PROGRAM)
    return tmp_path / "out"


def words(out: Path, *more: str) -> list[str]:
    return [
        "ablate",
        "--cells",
        "utility",
        "--seeds",
        "2",
        "--steps",
        "1",
        "--out",
        str(out),
        *more,
    ]


def starts(out: Path) -> list[str]:
    return (out / "starts.txt").read_text().split()


def test_a_killed_ablation_repeats_no_finished_run(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed in the third of four runs, with everything that it started."""
    program = (
        f"from balcap.cli import main; from balcap.sweeps import ablation\n"
        f"ablation.COMMAND = {PROGRAM!r}; main({words(out, '--jobs', '1')!r})"
    )
    third = "balanced-seed-1"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"HANGS": third},
        stdout=subprocess.DEVNULL,
    )
    end = time.monotonic() + 20
    job = out / third / "job.json"
    while not (job.exists() and "pid" in job.read_text() and third in starts(out)):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    process.kill()
    process.wait()
    os.killpg(json.loads(job.read_text())["pid"], signal.SIGKILL)
    assert main(words(out)) == 0
    assert starts(out)[:3] == ["balanced-seed-0", "utility-seed-0", third]
    assert sorted(starts(out)[3:]) == [third, "utility-seed-1"]
    assert "4 of 4 runs finished, 0 failed" in capsys.readouterr().out
    assert main(words(out)) == 0  # once more: the report alone
    assert len(starts(out)) == 5


def test_the_report_has_paired_differences_and_a_verdict_for_each_claim(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stand-in's utility alone adds 0.1 and 0.3 to qa: see the test of pairs for the ends."""
    assert main(words(out)) == 0
    assert "open           Utility alone answers more" in capsys.readouterr().out
    content = json.loads((out / "ablate.json").read_text())
    qa = content["differences"]["utility"]["qa"]
    assert (qa["pairs"], qa["mean"]) == (2, pytest.approx(0.2))
    assert (qa["low"], qa["high"]) == pytest.approx((-1.0706, 1.4706), abs=1e-4)
    assert content["scores"]["balanced"]["0"]["balance"] == pytest.approx(0.5)
    assert [claim["verdict"] for claim in content["claims"]] == ["open"] * 6
    page = (out / "ablate.md").read_text()
    assert "qa higher in utility: +0.200 (-1.071 to +1.471), open" in page
    assert "fact_f1 lower in sum: not run" in page
    # more seeds and cells are added: of 3 cells x 3 seeds, 4 runs are there
    assert main([*words(out), "--seeds", "3", "--cells", "utility,sum"]) == 0
    assert len(starts(out)) == len(set(starts(out))) == 9


def test_another_ablation_is_refused(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(out)) == 0
    assert main([*words(out), "--steps", "2"]) == 2
    assert "holds another ablation, with steps = 1, and now it is 2" in capsys.readouterr().err
    assert len(starts(out)) == 4


def test_a_dry_run_lists_cells_and_minutes_and_makes_nothing(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words(out), "--dry-run"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown[:2]] == ["balanced", "utility"]
    assert shown[3] == "4 runs (2 cells x 2 seeds, 1 steps each)"
    assert shown[4].startswith("4 to run, about ")
    assert not out.exists()


def test_a_cell_that_is_not_there_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", "--cells", "utilty"]) == 2
    assert "no cell 'utilty'; have balanced, utility, " in capsys.readouterr().err


def test_the_evaluation_of_a_run_has_every_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of full references: precision and cov are 1, so that balance is 3 / (2 + 1 / fluency).

    In place of a model, an embedding that finds equal texts equal and all others unrelated.
    """
    for head in ("qa", "cov"):
        monkeypatch.setattr(f"balcap_rewards.{head}.embedder", lambda model, device: _as_axes)
    first = ablation.planned(AblateSettings(eval_samples=3))[0]
    given = commands.expand(COMMAND, "", first.values)
    asked = parse(COMMANDS["train"], given[given.index("train") + 1 :])
    assert asked.heads is not None
    _, held_out = shapes.load(replace(asked.settings, shapes=ShapesSettings(train=1)))
    captions = [Caption(sample, sample.reference or "") for sample in held_out]
    band = Band(0.5, 2.0, "words", len)
    run = RunFolder(tmp_path)
    run.write_json(run.summary, {"after": judge(captions, asked.heads.evaluated, (), band).summary})
    scores = scores_of(run)
    assert set(scores) == set(METRICS)
    assert all(value is not None for value in scores.values())
    assert scores["fact_f1"] == scores["precision"] == 1.0
    assert scores["balance"] == pytest.approx(3 / (2 + 1 / (scores["fluency"] or 1)))


def _as_axes(texts: Sequence[str]) -> np.ndarray:
    names = list(dict.fromkeys(texts))
    rows: np.ndarray = np.eye(len(names), dtype=np.float32)[[names.index(text) for text in texts]]
    return rows
