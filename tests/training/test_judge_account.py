"""What a run's summary says of its judges."""

from pathlib import Path

import pytest

from balcap.judges.cache.answers import AnswerCache
from balcap.judges.judge import Judge, SharedBackend
from balcap.judges.scripted import Scripted
from balcap.judges.types import JudgeRequest, JudgeResponse
from balcap.judges.usage import Usage
from balcap.runs.folder import RunFolder
from balcap.runs.summary_text import say_closing
from balcap.training.judge_account import account
from helpers.heads import Brief
from helpers.judged_heads import Graded


def graded(cache: AnswerCache | None = None) -> Graded:
    backend = Scripted(lambda request: "5", "five")
    shared = SharedBackend(backend) if cache is None else SharedBackend(backend, cache)
    head = Graded()
    head.attach_judge(Judge(shared))
    return head


def test_what_was_asked_before_a_run_was_resumed_counts() -> None:
    earlier = {"judges": {"graded": {"questions": 3, "cached": 1}, "cov": {"questions": 1}}}
    found = account([Brief(), graded()], {"graded": Usage(questions=2)}, earlier)
    assert {name: used["questions"] for name, used in found["judges"].items()} == {
        "graded": 5, "cov": 1,
    }  # fmt: skip
    assert "answer_files" not in found  # this process remembers them, and nobody else
    assert account([Brief()], {}, {}) == {}


def test_the_file_of_answers_is_there_with_its_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = AnswerCache(tmp_path / "answers.sqlite")
    request = JudgeRequest.of("how good?")
    cache.put(request.key({"model": "five"}), {"model": "five"}, request, JudgeResponse("5"))
    cache.close()
    size = cache.path.stat().st_size  # closed: all of it, without a journal
    found = account([graded(cache), graded(cache)], {}, {})
    assert size > 0
    assert found == {"answer_files": {str(cache.path): size}}
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.write_json(run.captions, {})
    say_closing(run, {"steps": 1, "train_seconds": 1, "seconds": 1, **found}, ["graded"])
    line = f"answers of judges are kept in {cache.path} ({size / 1e6:.1f} MB; see balcap cache)"
    assert line in capsys.readouterr().out
