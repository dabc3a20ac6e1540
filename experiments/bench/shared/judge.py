"""A scripted judge in a process of its own, so that its work is not counted as the client's."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).parents[3] / "tests"  # where the scripted server lies
SCRIPT = 'def answer(prompt):\n    return "B"\n'


@contextmanager
def server(latency: float, slots: int) -> Iterator[str]:
    """Start it; gives its address. Each prompt takes `latency` seconds in one of `slots` places."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(SCRIPT)
        process = subprocess.Popen(
            [
                sys.executable, "-m", "helpers.judge_server", "--script", f"{script}:answer",
                "--latency", str(latency), "--concurrency", str(slots),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=TESTS,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait()
