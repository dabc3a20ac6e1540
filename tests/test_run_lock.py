"""One process at a time trains in a run folder, and the next may once that one is dead."""

import subprocess
import sys
from pathlib import Path

import pytest

from balcap.errors import UserError
from balcap.run_lock import lock
from balcap.runs.folder import RunFolder

HOLD = """
import sys
from pathlib import Path
from balcap.run_lock import lock
from balcap.runs.folder import RunFolder
held = lock(RunFolder(Path(sys.argv[1])))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_the_run_until_that_one_is_killed(
    tmp_path: Path,
) -> None:
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=rf"process {one.pid} on .*since"):
            lock(RunFolder(tmp_path))
        one.kill()
        one.wait()
    held = lock(RunFolder(tmp_path))
    assert held is not None
    held.close()


@pytest.mark.parametrize("place", ["file/run", "/proc/balcap-run"])
def test_a_run_folder_that_cannot_be_made_is_a_mistake_of_the_user(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make the run folder"):
        RunFolder(tmp_path / place).create("steps: 1\n")
