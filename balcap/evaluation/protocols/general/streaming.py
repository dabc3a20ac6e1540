"""What does a long-running program say? All of it in a log, its latest line on the screen."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from balcap.console import renew, say

EVERY = 10.0  # seconds between lines where nobody watches
WIDTH = 100
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def stream(command: Sequence[str], log: Path) -> int:
    """Run a command to its end and return its exit code; what it says is added to the log.

    On a terminal the latest line renews itself; in a file there is one about every 10 seconds.
    Whatever ends this process ends the command too.
    """
    with log.open("ab") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert process.stdout is not None
        screen = _Screen()
        try:
            while part := process.stdout.read1(65536):  # type: ignore[attr-defined]
                file.write(part)
                file.flush()
                screen.show(part)
            return process.wait()
        finally:
            screen.close()
            if process.poll() is None:
                process.terminate()
                process.wait()


def last_lines(log: Path, count: int, start: int = 0) -> list[str]:
    """The last lines of a log with anything on them, from a place in bytes on."""
    with log.open("rb") as file:
        file.seek(start)
        text = file.read().decode(errors="replace")
    lines = [_CONTROL.sub("", line).rstrip() for line in re.split(r"[\r\n]", text)]
    return [line for line in lines if line][-count:]


class _Screen:
    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._printed = time.monotonic()
        self._line = ""

    def show(self, part: bytes) -> None:
        lines = [line.strip() for line in re.split(r"[\r\n]", part.decode(errors="replace"))]
        said = [_CONTROL.sub("", line) for line in lines if line]
        self._line = said[-1][:WIDTH] if said else self._line
        if self._live:
            renew(self._line)
        elif time.monotonic() - self._printed >= EVERY and self._line:
            self._printed = time.monotonic()
            say(self._line)

    def close(self) -> None:
        if self._live:
            say()
