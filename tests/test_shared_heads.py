"""Harmonic means stand side by side over the same heads alone."""

import json
from pathlib import Path

import pytest
import yaml

from balcap.analysis import over_shared_heads, runs_df, shared_heads
from balcap.cli import main
from balcap.sweeps.showing import rows
from helpers.runs import write_run

MEANS = {"qa": 0.5, "cov": 0.25, "fluency": 1.0}


def evaluated(path: Path, *heads: str, **settings: object) -> None:
    """A finished run whose held-out captions these heads judged, with `MEANS` after training."""
    run = write_run(path, after={}, **settings)  # type: ignore[arg-type]
    side = {head: MEANS[head] for head in heads}
    side |= {"harmonic_mean": len(heads) / sum(1 / MEANS[head] for head in heads)}
    whole = {**side, "scored": dict.fromkeys(heads, 4)}
    run.add_json(run.summary, {"before": whole, "after": whole})


def test_a_head_that_one_run_lacks_is_left_out_of_all(tmp_path: Path) -> None:
    evaluated(tmp_path / "three", "qa", "cov", "fluency")
    evaluated(tmp_path / "two", "qa", "cov", seed=1)
    own = runs_df(tmp_path)["after.harmonic_mean"]
    # 3 / (2 + 4 + 1) and 2 / (2 + 4): 0.429 against 0.333, though every score is the same
    assert own.tolist() == pytest.approx([3 / 7, 1 / 3])
    runs, shared = over_shared_heads(runs_df(tmp_path))
    assert runs["after.harmonic_mean"].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert shared.heads == ("qa", "cov")
    assert shared.note == (
        "harmonic mean of qa, cov, the heads that all of these runs have; "
        "left out: fluency (not in 1 of 2 runs)"
    )


def test_a_head_with_other_settings_is_another_head(tmp_path: Path) -> None:
    for name, draws in (("one", 4), ("two", 8)):
        evaluated(tmp_path / name, "qa", "cov")
        config = tmp_path / name / "config.yaml"
        content = yaml.safe_load(config.read_text())
        config.write_text(yaml.safe_dump(content | {"qa": {"draws": draws}}))
    shared = shared_heads(runs_df(tmp_path))
    assert shared.heads == ("cov",)
    assert shared.left_out == {"qa": "qa.draws not the same in all runs"}


def test_a_head_by_another_judge_is_another_head(tmp_path: Path) -> None:
    for name, model in (("one", "a"), ("two", "b")):
        evaluated(tmp_path / name, "qa", "cov")
        run = tmp_path / name
        content = yaml.safe_load((run / "config.yaml").read_text())
        content["judge"] = content.get("judge", {}) | {"model": model}
        (run / "config.yaml").write_text(yaml.safe_dump(content))
    assert shared_heads(runs_df(tmp_path)).heads == ("qa", "cov")  # neither asked a judge
    for name in ("one", "two"):
        file = tmp_path / name / "summary.json"
        content = json.loads(file.read_text()) | {"judges": {"qa": {"questions": 8}}}
        file.write_text(json.dumps(content))
    assert shared_heads(runs_df(tmp_path)).heads == ("cov",)


def test_runs_without_a_head_in_common_have_no_harmonic_mean(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated(tmp_path / "one", "qa")
    evaluated(tmp_path / "two", "cov")
    assert main(["runs", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("- -> -") == 2
    assert "no harmonic mean: these runs share no head; left out: qa (not in 1 of 2" in shown


def test_runs_that_were_not_evaluated_do_not_count(tmp_path: Path) -> None:
    evaluated(tmp_path / "one", "qa", "cov")
    begun = write_run(tmp_path / "begun")
    begun.summary.unlink()
    shared = shared_heads(runs_df(tmp_path))
    assert (shared.heads, shared.compared, shared.left_out) == (("qa", "cov"), 1, {})


def test_the_table_of_a_sweep_is_over_shared_heads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated(tmp_path / "three", "qa", "cov", "fluency", lr=1e-3)
    evaluated(tmp_path / "two", "qa", "cov", lr=2e-3)
    assert [row["harmonic_mean"] for row in rows(runs_df(tmp_path))] == ["0.333", "0.333"]
    assert main(["sweep", "show", str(tmp_path)]) == 0
    assert "left out: fluency" in capsys.readouterr().out


def test_what_a_judge_was_asked_is_no_setting(tmp_path: Path) -> None:
    for name, asked in (("one", 8), ("two", 9)):
        run = write_run(tmp_path / name, after={}, lr=asked * 1e-4)
        run.add_json(run.summary, {"judges": {"qa": {"questions": asked}}})
    [*columns] = rows(runs_df(tmp_path))[0]
    assert columns[:2] == ["lr", "runs"]
