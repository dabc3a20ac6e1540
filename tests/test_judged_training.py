"""`balcap train` and `balcap score` with a judge that goes away, and comes back."""

import json
import os
import signal
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from balcap.cli import main
from balcap.config import DataSettings
from balcap.data import shapes
from balcap.errors import JudgeError, UnusableAnswerError
from balcap.judges.types import JudgeRequest
from balcap.runs.folder import RunFolder
from helpers.judged_heads import everyone_asks, grade, graded_text
from helpers.training import command

FILE = Path(__file__).parent / "helpers" / "judged_heads.py"
HEADS = Path(__file__).parent / "helpers" / "heads.py"
REWARDS = f"{FILE}:Graded,{HEADS}:Brief"
REFERENCES = {
    sample.reference
    for samples in shapes.load(DataSettings())
    for sample in samples
}  # fmt: skip


def train(policy: Path, run: Path, *more: str) -> list[str]:
    """Four steps, saved only at the end, with a judge that is waited for no second."""
    return command(
        policy, run, "--rewards", REWARDS, "--judge-wait", "0", "--save-every", "4", *more
    )


class Server:
    """A judge that is down while `is_down` says so; the captions of the rehearsal come through."""

    def __init__(self, is_down: Callable[[], bool] = lambda: False) -> None:
        self.is_down = is_down
        self.asked = 0
        self.refused = 0

    def answer(self, request: JudgeRequest) -> str:
        self.asked += 1
        if graded_text(request) not in REFERENCES and self.is_down():
            self.refused += 1
            raise JudgeError("connection refused")
        return grade(request)


@pytest.fixture(scope="module")
def undisturbed(
    fresh_policies: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> RunFolder:
    run = RunFolder(tmp_path_factory.mktemp("runs") / "undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        everyone_asks(Server().answer, patch)
        assert main(train(fresh_policies["llava-1.5"], run.path)) == 0
    return run


def is_like(run: RunFolder, other: RunFolder) -> bool:
    """Whether two runs have the same numbers, but for times and for how often a judge was asked."""

    def numbers(of: RunFolder) -> list[dict[str, Any]]:
        return [
            {k: v for k, v in row.items() if not k.startswith(("seconds", "judge"))}
            for row in of.read_metrics()
        ]

    sides = ("before", "before_greedy", "after", "after_greedy")
    summaries = [one.read_json(one.summary) for one in (run, other)]
    assert numbers(run) == numbers(other)
    for file in other.rollouts.iterdir():
        assert pd.read_parquet(run.rollouts / file.name).equals(pd.read_parquet(file))
    return all(summaries[0][side] == summaries[1][side] for side in sides)


@pytest.mark.parametrize("steps", [0, 2])
def test_a_run_whose_judge_went_away_goes_on_as_if_nothing_had_been(
    steps: int,
    undisturbed: RunFolder,
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It goes away in the first step, or in the third, two steps before the next checkpoint."""
    run = RunFolder(tmp_path / "run")
    server = Server(
        lambda: "before_greedy" in run.read_json(run.summary) and len(run.read_metrics()) == steps
    )
    everyone_asks(server.answer, monkeypatch, "reader at http://127.0.0.1:9/v1")
    assert main(train(fresh_policies["llava-1.5"], run.path)) == 3
    error = capsys.readouterr().err
    assert error == (
        "balcap train: error: reward head 'graded': its judge reader at http://127.0.0.1:9/v1 "
        "leaves 8 of 8 captions (100%; --max-unscored allows 10%) without a score, after 0 s of "
        "waiting. Last error: connection refused. Once that is fixed, resume with: balcap train "
        f"--resume {run.path}\n"
    )
    assert run.last_step() == steps
    assert len(run.read_metrics()) == steps
    summary = run.read_json(run.summary)
    assert (summary["interrupted"], "after" in summary) == (True, False)
    assert summary["judges"]["graded"]["failed"] == server.refused > 0
    assert main(["train", "--resume", str(run.path)]) == 3  # it is still away
    server.is_down = lambda: False
    assert main(["train", "--resume", str(run.path)]) == 0
    assert is_like(run, undisturbed)
    assert run.read_json(run.summary)["interrupted"] is False


def test_a_judge_that_comes_back_in_time_is_waited_for(
    undisturbed: RunFolder,
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = RunFolder(tmp_path / "run")
    server = Server(lambda: len(run.read_metrics()) == 2 and server.refused < 8)
    everyone_asks(server.answer, monkeypatch)
    assert main(train(fresh_policies["llava-1.5"], run.path, "--judge-wait", "30")) == 0
    assert is_like(run, undisturbed)
    out = capsys.readouterr().out
    assert out.count("waiting for 30 s more for its judge reader, which leaves 8 of 8") == 1
    assert "asked by" in out
    row = run.read_metrics()[2]
    assert row["judge/graded/questions"] == 16
    assert row["judge/graded/failed"] == 0.5


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_judge_that_is_away_at_an_evaluation_leaves_no_table_of_nothing(
    when: str,
    undisturbed: RunFolder,
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = RunFolder(tmp_path / "run")
    server = Server(lambda: len(run.read_metrics()) == (0 if when == "before" else 4))
    everyone_asks(server.answer, monkeypatch)
    assert main(train(fresh_policies["llava-1.5"], run.path)) == 3
    assert when not in run.read_json(run.summary)
    server.is_down = lambda: False
    assert main(["train", "--resume", str(run.path)]) == 0
    assert is_like(run, undisturbed)


def test_ctrl_c_ends_the_waiting_with_a_checkpoint(
    undisturbed: RunFolder,
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = RunFolder(tmp_path / "run")
    once = iter([signal.SIGINT])

    def is_down() -> bool:
        if len(run.read_metrics()) == 1 and (number := next(once, None)):
            os.kill(os.getpid(), number)
        return len(run.read_metrics()) == 1

    server = Server(is_down)
    everyone_asks(server.answer, monkeypatch)
    arguments = train(fresh_policies["llava-1.5"], run.path, "--judge-wait", "600")
    assert main(arguments) == 130
    assert run.read_json(run.summary)["interrupted"] is True
    assert run.last_step() == 1
    server.is_down = lambda: False
    assert main(["train", "--resume", str(run.path)]) == 0
    assert is_like(run, undisturbed)


def test_a_few_unusable_answers_are_told_and_counted_and_the_run_goes_on(
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = RunFolder(tmp_path / "run")
    server = Server()

    def answer(request: JudgeRequest) -> str:
        said = server.answer(request)
        text = graded_text(request)
        if text not in REFERENCES and zlib.crc32(text.encode()) % 3 == 0:  # on every draw
            raise UnusableAnswerError(f"off the menu ABCD: {said!r}")
        return said

    everyone_asks(answer, monkeypatch)
    arguments = train(fresh_policies["llava-1.5"], run.path, "--max-unscored", "0.5")
    assert main([*arguments, "--eval-samples", "0"]) == 0
    table = pd.read_parquet(run.rollouts / "step_000001.parquet")
    unscored = table["graded"].isna()
    assert 0 < unscored.sum() <= 4
    judge = run.read_metrics()[0]
    # of 8 different captions so many are never answered for, though each is asked three times
    assert judge["judge/graded/unusable"] == judge["judge/graded/dropped"] == unscored.mean()
    assert judge["judge/graded/questions"] == 8 + 2 * unscored.sum()
    assert table.loc[unscored, "graded.reason"].str.startswith("off the menu ABCD").all()
    row = run.read_metrics()[0]
    assert row["reward/graded/unscored"] == unscored.mean()
    told = [line for line in capsys.readouterr().out.splitlines() if "mostly: off the" in line]
    assert len(told) == 1  # although each answer is another one
    assert told[0].startswith(f"step 1: no score of graded for {unscored.sum()} of 8 captions")


def test_a_judge_that_never_answers_is_told_before_the_policy_is_loaded(
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def answer(request: JudgeRequest) -> str:
        raise JudgeError("connection refused")

    everyone_asks(answer, monkeypatch, "reader at http://127.0.0.1:9/v1")
    monkeypatch.setattr("balcap.policies.loading.load", lambda *_: pytest.fail("loaded"))
    assert main(train(fresh_policies["llava-1.5"], tmp_path / "run")) == 2
    assert capsys.readouterr().err == (
        "balcap train: error: reward head 'graded' gets no score from its judge reader at "
        "http://127.0.0.1:9/v1, not for one of 4 references: connection refused; "
        "change --judge.model\n"
    )
    assert not (tmp_path / "run").exists()


def test_score_writes_what_it_has_and_says_that_a_judge_was_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = shapes.load(DataSettings())[0][0]
    (tmp_path / "captions.json").write_text(json.dumps({sample.id: "abc"}))
    words = ["score", str(tmp_path / "captions.json"), "--rewards", REWARDS, "--gate", "none"]
    out = tmp_path / "scores.jsonl"
    everyone_asks(Server(lambda: True).answer, monkeypatch)
    assert main([*words, "--out", str(out)]) == 3
    shown = capsys.readouterr()
    assert "no score of graded for 1 of 1 captions, mostly: connection refused (1)" in shown.out
    assert "'graded' got no score from its judge reader: connection refused" in shown.err
    row = json.loads(out.read_text())
    assert (row["brief"], row["graded"]) == (0.25, None)
    assert row["graded.reason"] == "connection refused"
    everyone_asks(Server().answer, monkeypatch)
    assert main(words) == 0
