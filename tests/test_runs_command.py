"""`balcap runs` and `balcap runs show`."""

from pathlib import Path

import pytest
import yaml

from balcap.analysis.runs_command import special
from balcap.cli import main
from balcap.config import SftSettings, TrainSettings, plain
from balcap.runs.folder import RunFolder
from balcap.runs.provenance import record
from helpers.runs import HEADS, write_run


def test_one_line_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "a", after={"qa": 1.0})  # and cov 0.25: 2 / (1 + 4)
    record(write_run(tmp_path / "b", steps=1, normalizer="grpo"))
    RunFolder(tmp_path / "sft").create(yaml.safe_dump(plain(SftSettings().resolved())))
    assert main(["runs", str(tmp_path)]) == 0
    header, _, first, second, third, _, *notes = capsys.readouterr().out.splitlines()
    assert header.split()[:6] == ["run", "policy", "rewards", "normalizer", "gate", "steps"]
    assert first.split()[2:] == [
        "qa,cov", "gdpo", "none", "2/10", "0.333", "->", "0.400", "finished",
    ]  # fmt: skip
    assert second.split()[3:] == ["grpo", "none", "1/10", "0.333", "->", "-", "running"]
    assert third.split()[2:] == ["-", "-", "-", "0", "-", "->", "-", "unfinished"]
    assert notes[0].startswith("harmonic mean of qa, cov, the heads that all of these runs have.")


def test_the_interval_is_that_of_the_shared_heads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of both heads as the run wrote it down; of one alone by its captions, which gain 0.25."""
    run = write_run(tmp_path / "a", after={"qa": 0.75})
    known = {"value": 0.05, "low": 0.01, "high": 0.09}
    run.add_json(
        run.summary, {"harmonic_mean_of": ["qa", "cov"], "change": {"harmonic_mean": known}}
    )
    sides = {
        side: [{"sample": name, "scores": {"qa": qa, "cov": 0.25}} for name in ("h", "i")]
        for side, qa in (("before", 0.5), ("after", 0.75))
    }
    run.write_json(run.captions, sides)
    assert main(["runs", str(tmp_path)]) == 0
    assert "+0.010 to +0.090" in capsys.readouterr().out
    other = write_run(tmp_path / "b", after={})
    alone = {"qa": 0.5, "harmonic_mean": 0.5, "scored": {"qa": 4}}
    other.add_json(other.summary, {"before": alone, "after": alone})
    assert main(["runs", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "+0.250 to +0.250" in shown
    assert "left out: cov (not in 1 of 2 runs)" in shown


def test_no_runs_yet_and_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["runs", str(tmp_path)]) == 0
    assert "no runs in" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    assert main(["runs"]) == 2
    assert "no folder 'runs'" in capsys.readouterr().err


def test_one_run_with_what_is_special_about_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", after={"qa": 0.75}, seed=7)
    assert main(["runs", "show", str(run.path)]) == 0
    assert "code: not known" in capsys.readouterr().out
    record(run)
    record(run)
    assert main(["runs", "show", str(run.path)]) == 0
    shown = capsys.readouterr().out
    assert "finished, 2/10 steps" in shown
    assert shown.count("started ") == shown.count("resumed ") == 1
    assert "  torch " in shown
    assert "  seed: 7" in shown
    assert '  rewards: "qa,cov"' in shown
    assert "  lr:" not in shown  # filled in by the preset: nobody gave it
    assert "+0.250" in shown  # qa 0.5 -> 0.75


@pytest.mark.parametrize(("words", "message"), [([], "no run to show"), (["x"], "no run in 'x'")])
def test_a_mistake_is_one_message(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", "show", *words]) == 2
    assert message in capsys.readouterr().err


def test_only_what_was_given_is_special() -> None:
    assert special(plain(TrainSettings().resolved())) == []
    assert special(plain(SftSettings().resolved())) == []
    given = TrainSettings(policy="a/b", group_size=6, steps=9, run=Path("r"))
    assert dict(special(plain(given.resolved()))) == {"policy": "a/b", "group_size": 6, "steps": 9}


def test_settings_of_a_head_that_is_gone_are_all_special() -> None:
    reference = f"{HEADS.with_name('findable_heads.py')}:Colours"
    config = plain(TrainSettings(rewards=reference, eval_rewards="").resolved())
    config["colours"] = {"draws": 8, "mode": "fast"}
    assert dict(special(config))["colours.draws"] == 8
    assert "colours.mode" not in dict(special(config))
    config["rewards"] = "gone.py:Head"
    assert "colours.mode" in dict(special(config))
