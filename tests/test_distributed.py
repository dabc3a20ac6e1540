"""How does one of several processes end?"""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import atexit, os, sys, threading
from balcap import distributed

atexit.register(lambda: print("closed", flush=True))
here = threading.Event()
threading.Thread(target=lambda: here.wait(WAIT)).start()
print("done", end=" ")
print("told", end="", file=sys.stderr)
distributed.leave(3)
"""


@pytest.mark.parametrize(("processes", "wait"), [("1", 0.1), ("2", 3600)])
def test_what_was_said_and_is_to_be_closed_is_and_the_exit_code_is_kept(
    processes: str, wait: float
) -> None:
    """One of two does not wait for a thread that would have held it for an hour."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("WAIT", str(wait))],
        env=os.environ | {"WORLD_SIZE": processes, "RANK": "0"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 3
    assert (done.stdout, done.stderr) == ("done closed\n", "told")
