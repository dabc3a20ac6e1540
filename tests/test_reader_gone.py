"""`balcap ... | head -3`: whoever read the output has left, and that is no error to tell of."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from balcap.cli import main

RUNS = Path(__file__).parent / "golden" / "sweep"


def unread(words: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose stdout is a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [sys.executable, "-m", "balcap", *words],
            stdout=writer, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment},
        )  # fmt: skip
    finally:
        os.close(writer)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words",
    [[], ["eval"], ["train", "--help"], ["train", "--print-config"], ["heads"]],
    ids=lambda words: " ".join(words) or "balcap",
)
def test_a_command_that_only_prints_ends_quietly(words: list[str], unbuffered: str) -> None:
    done = unread(words, PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_command_that_works_goes_on() -> None:
    done = unread(["runs", str(RUNS)])
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_that_nobody_reads_ends_quietly_too() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "balcap", "trian"], stdout=writer, stderr=writer)
    os.close(writer)
    assert done.returncode == 141


def test_another_connection_that_breaks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object) -> None:
        raise BrokenPipeError("a socket's")

    monkeypatch.setattr("balcap.config.command.Command.load", broken)
    with pytest.raises(BrokenPipeError, match="a socket's"):
        main(["heads"])
