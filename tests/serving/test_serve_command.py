"""`balcap serve` as a process: the documentation's lines, its refusals, and its end."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from balcap.cli import main
from helpers.pages import ROOT, blocks

PAGE = ROOT / "docs" / "how-to" / "serve-rewards.md"
LETTERS = ["--rewards", f"{ROOT / 'tests' / 'helpers' / 'heads.py'}:Letters"]
SLOW = '''
import time
from balcap.heads import Head

class Slow(Head):
    """Takes half a second."""

    name = "slow"

    def score(self, captions):
        time.sleep(0.5 * (captions[0].sample.id != "warm-up"))
        return [0.5 for _ in captions]
'''


@contextmanager
def serving(*words: str, cwd: Path = ROOT) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of its own, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "balcap", "serve", *words, "--port", "0"],
        # what runs in the background hands SIGINT on ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "BALCAP_TOKEN": ""},
        cwd=cwd,
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        found = re.fullmatch(r"serving .* at (http://127\.0\.0\.1:\d+) \(Ctrl-C ends\)\n", said)
        assert found, said + process.communicate(timeout=10)[1]
        yield process, found[1]
    finally:
        process.kill()
        process.communicate()


def post(url: str, body: Any, **headers: str) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def is_part_of(shown: Any, whole: Any) -> bool:
    """Whether an answer has what the documentation shows of it, numbers to their digits."""
    if isinstance(shown, dict):
        return all(is_part_of(value, whole[name]) for name, value in shown.items())
    if isinstance(shown, list):
        return len(shown) == len(whole) and all(map(is_part_of, shown, whole))
    if isinstance(shown, float) and not isinstance(shown, bool):
        return bool(round(whole, 2) == shown)
    return bool(shown == whole)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the documentation's lines use curl")
def test_the_documentations_lines_are_answered_as_it_says() -> None:
    lines = [code for code in blocks(PAGE, "sh") if code.startswith("curl")]
    answers = [json.loads(code) for code in blocks(PAGE, "json")]
    words = re.search(r"^balcap serve (.*)$", PAGE.read_text(), re.M)
    assert words is not None
    with serving(*words[1].split()) as (_, url):
        found = [
            json.loads(
                subprocess.run(
                    ["bash", "-c", line.replace("http://127.0.0.1:8100", url)],
                    capture_output=True,
                    check=True,
                ).stdout
            )
            for line in lines
        ]
    score, rewards, caprl, _, wrong = found
    assert len(answers) == 3
    for shown, answer in zip(answers, (score, rewards, wrong), strict=True):
        assert is_part_of(shown, answer), answer
    assert caprl["extra_logs"]["qa"] == [1.0]
    assert caprl["rewards"] == [None]  # `cov` has no reference


def test_what_was_asked_is_answered_before_the_end(tmp_path: Path) -> None:
    """Three requests of half a second each, one after the other (--max-batch 1); the end is asked
    for while the first is on its way."""
    (tmp_path / "slow.py").write_text(SLOW)
    answers: list[Any] = []
    words = ("--rewards", "./slow.py:Slow", "--max-batch", "1")
    with serving(*words, cwd=tmp_path) as (process, url):

        def ask(number: int) -> None:
            answers.append(post(f"{url}/score", [{"caption": f"caption {number}"}]))

        asking = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
        for thread in asking:
            thread.start()
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        for thread in asking:
            thread.join(timeout=30)
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert [answer["scores"][0]["total"] for answer in answers] == [0.5] * 3


def test_ctrl_c_ends_it_without_a_traceback() -> None:
    with serving(*LETTERS) as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert process.stderr is not None
        assert process.stderr.read() == "balcap serve: error: interrupted\n"


def refused(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["serve", *LETTERS, *words]) == 2
    return capsys.readouterr().err.removeprefix("balcap serve: error: ").rstrip("\n")


def test_others_are_not_let_in_without_a_token(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BALCAP_TOKEN", raising=False)
    assert refused(["--host", "0.0.0.0", "--port", "0"], capsys) == (
        "host is 0.0.0.0, which other machines reach, and there is no token; export "
        "BALCAP_TOKEN=..., or say that everybody may ask: --insecure"
    )


@pytest.mark.parametrize(("words", "message"), [
    (["--token", "REWARD_TOKEN"], "the environment variable REWARD_TOKEN holds no token"),
    (["--token", "hf_" + "a" * 30], "token is not the name of an environment variable, and"),
    (["--token-file", "nowhere"], "token_file is nowhere: [Errno 2] No such file or directory"),
    (["--token", "A", "--token-file", "b"], "token is A and token_file b; give one of them"),
    (["--image-root", "nowhere"], "image_root is 'nowhere', which is no folder; give the one that"),
    (["--port", "70000"], "port is 70000; it must be between 0 and 65535"),
    (["--host", "no.such.host.invalid"], "host is no.such.host.invalid, which other machines"),
    (["--length-unit", "tokens"], "length_unit is 'tokens'; captions of a request are counted in"),
])  # fmt: skip
def test_mistakes_are_told_before_a_model_is_loaded(
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REWARD_TOKEN", raising=False)
    monkeypatch.delenv("BALCAP_TOKEN", raising=False)
    said = refused(words, capsys)
    assert said.startswith(message)
    assert "a" * 30 not in said


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused(["--port", str(port)], capsys) == (
            f"host is 127.0.0.1 and port {port}, and that cannot be listened at (Address already "
            "in use); give another: --port, --host"
        )


def test_a_missing_package_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.setattr("balcap.serving.command.find_spec", lambda name: None)
    assert refused([], capsys) == (
        "balcap serve needs FastAPI and uvicorn: pip install 'balcap[serve]'"
    )
