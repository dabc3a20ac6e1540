"""The harness: going on after a kill, other settings, a judge that is gone or that trained it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from balcap.cli import main
from balcap.errors import JudgeError, JudgeGoneError, UserError
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.captionqa.command import CaptionQASettings
from balcap.evaluation.protocols.captionqa.protocol import CaptionQA
from balcap.judges.scripted import scripted
from helpers import captionqa as world

JUDGE_FILE = """
import os, time
from pathlib import Path
from helpers import captionqa as world

def by_rule(ask):
    prompt = ask.messages[-1].text
    if os.environ.get("HANGS") and "title" in prompt:
        time.sleep(60)
    with Path("asked.txt").open("a") as file:
        file.write(world.asked(prompt) + "\\n")
    return world.answer(prompt)
"""
START = """
import sys
from balcap.cli import main
from balcap.evaluation.protocols.captionqa.protocol import CaptionQA
CaptionQA.wave = 1
raise SystemExit(main(sys.argv[1:]))
"""


def command(folder: Path, out: str) -> list[str]:
    captions, data = world.write(folder)
    (folder / "judge.py").write_text(JUDGE_FILE)
    return [
        "eval", "captionqa", "--captions", str(captions), "--data", str(data), "--out", out,
        "--judge.backend", "scripted", "--judge.model", "judge.py:by_rule", "--judge.cache", "off",
    ]  # fmt: skip


def start(folder: Path, out: str, **environment: str) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", START, *command(folder, out)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.DEVNULL,
    )


def settings(folder: Path, **more: object) -> CaptionQASettings:
    captions, data = world.write(folder)
    chosen = {"captions": captions, "data": str(data), "out": folder / "out", **more}
    return CaptionQASettings(**chosen)  # type: ignore[arg-type]


def summary(out: Path) -> dict:
    return json.loads((out / "summary.json").read_text())


def test_after_a_kill_the_second_start_finishes_with_the_same_numbers(tmp_path: Path) -> None:
    process = start(tmp_path, "killed", HANGS="1")
    items = tmp_path / "killed" / "items.jsonl"
    until = time.monotonic() + 60
    while not (items.is_file() and items.read_text().count("\n") >= 4):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = items.read_text()
    assert not (tmp_path / "killed" / "summary.json").exists()
    items.write_text(finished + finished[: len(finished) // 7])  # and a line is torn
    (tmp_path / "asked.txt").unlink()

    assert start(tmp_path, "killed").wait() == 0
    asked = (tmp_path / "asked.txt").read_text().splitlines()
    assert len(asked) == 6 - finished.count("\n")
    assert start(tmp_path, "whole").wait() == 0
    one, other = summary(tmp_path / "killed"), summary(tmp_path / "whole")
    for differing in ("judge", "settings"):  # what it took, and the folder
        del one[differing], other[differing]
    assert one == other
    assert one["score"] == pytest.approx(world.SCORE)
    assert items.read_text() == (tmp_path / "whole" / "items.jsonl").read_text()


def test_other_settings_do_not_mix(tmp_path: Path) -> None:
    judge = scripted(lambda request: "A")
    evaluate(CaptionQA(settings(tmp_path), judge))
    with pytest.raises(UserError, match=r"limit = None, and now it is 2"):
        evaluate(CaptionQA(settings(tmp_path, limit=2), judge))
    changed = settings(tmp_path)
    (tmp_path / "captions.json").write_text('{"a": "Another caption."}')
    with pytest.raises(UserError, match=r"settings.captions = "):
        evaluate(CaptionQA(changed, judge))
    assert evaluate(CaptionQA(settings(tmp_path, max_failed=0.5), judge)) == 0  # not of the numbers


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "items.jsonl").write_text("mine\n")
    with pytest.raises(UserError, match="no evaluation that can go on"):
        evaluate(CaptionQA(settings(tmp_path), scripted(lambda request: "A")))
    assert (tmp_path / "out" / "items.jsonl").read_text() == "mine\n"


def test_a_judge_that_is_gone_ends_it_and_the_next_start_asks_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CaptionQA, "wave", 1)
    asked: list[str] = []

    def gone(prompt: str) -> str:
        if len(asked) == 3:
            raise JudgeError("connection refused")
        asked.append(world.asked(prompt))
        return world.answer(prompt)

    def back(prompt: str) -> str:
        asked.append(world.asked(prompt))
        return world.answer(prompt)

    with pytest.raises(JudgeGoneError, match=r"1 of 6 items .* connection refused"):
        evaluate(CaptionQA(settings(tmp_path), scripted(lambda a: gone(a.messages[-1].text))))
    assert not (tmp_path / "out" / "summary.json").exists()
    evaluate(CaptionQA(settings(tmp_path), scripted(lambda a: back(a.messages[-1].text))))
    assert sorted(asked) == sorted(world.SHOWN)  # each once
    assert summary(tmp_path / "out")["score"] == pytest.approx(world.SCORE)


def test_a_judge_that_is_gone_is_exit_code_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = JUDGE_FILE + "\ndef by_rule(ask):\n    from balcap.errors import JudgeError\n"
    arguments = command(tmp_path, "out")
    (tmp_path / "judge.py").write_text(wrong + "    raise JudgeError('no route to host')\n")
    assert main(arguments) == 3
    assert "no route to host" in capsys.readouterr().err


def test_failures_that_are_allowed_are_counted_and_asked_again(tmp_path: Path) -> None:
    def fails(prompt: str) -> str:
        if "title" in prompt:
            raise JudgeError("timed out")
        return world.answer(prompt)

    chosen = settings(tmp_path, max_failed=0.5)
    evaluate(CaptionQA(chosen, scripted(lambda a: fails(a.messages[-1].text))))
    assert summary(tmp_path / "out")["n_scored"] == 5
    evaluate(CaptionQA(chosen, scripted(lambda a: world.answer(a.messages[-1].text))))
    assert summary(tmp_path / "out")["n_scored"] == 6


def test_a_bug_in_a_protocol_keeps_its_traceback(tmp_path: Path) -> None:
    class Broken(CaptionQA):
        async def assess(self, items: object) -> list:
            raise ZeroDivisionError("here")

    with pytest.raises(ZeroDivisionError, match="here"):
        evaluate(Broken(settings(tmp_path), scripted(lambda request: "A")))


def run_with_judge(folder: Path, **config: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


@pytest.mark.parametrize(
    "config",
    [
        {"judge": {"model": "Qwen/Qwen2.5-3B-Instruct"}},
        {"qa": {"engine": "llm", "judge": {"model": "/models/Qwen2.5-3B-Instruct/"}}},
    ],
)
def test_the_judge_that_trained_the_policy_is_refused(
    config: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = run_with_judge(tmp_path / "first", policy="tiny-qwen2.5-vl", **config)
    second = run_with_judge(tmp_path / "second", policy=str(first))
    captions, data = world.write(first)
    inside = {"captions": captions, "data": str(data)}
    written = [{"policy": str(run), "data": str(data)} for run in (first, second)]
    for whose in (inside, *written):
        with pytest.raises(UserError, match=r"gave the rewards of .*first"):
            evaluate_with("qwen2.5-3b-instruct", **whose)
    evaluate_with("qwen2.5-3b-instruct", allow_training_judge=True, **inside)
    evaluate_with("another", out=tmp_path / "other", **inside)


def evaluate_with(model: str, **chosen: object) -> None:
    from balcap.config import JudgeSettings

    whole = CaptionQASettings(judge=JudgeSettings.of(model=model), **chosen)  # type: ignore[arg-type]
    evaluate(CaptionQA(whole, scripted(lambda request: "A")))


def test_eval_alone_lists_the_protocols(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval"]) == 0
    assert "eval captionqa" in capsys.readouterr().out
    assert main(["eval", "captionq"]) == 2
    said = capsys.readouterr().err
    assert "have " in said
    assert "did you mean 'captionqa'?" in said


def test_a_limit_takes_the_first_images(tmp_path: Path) -> None:
    evaluate(CaptionQA(settings(tmp_path, limit=1), scripted(lambda request: "A")))
    assert summary(tmp_path / "out")["n_scored"] == 3
