"""One process at a time trains in a run folder, and the next may once that one is dead."""

import subprocess
import sys
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.errors import UserError
from balcap.runs.folder import RunFolder
from balcap.runs.lock import hold
from helpers.training import command

HOLD = """
import sys
from pathlib import Path
from balcap.runs.lock import hold
from balcap.runs.folder import RunFolder
held = hold(RunFolder(Path(sys.argv[1])))
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
            hold(RunFolder(tmp_path))
        one.kill()
        one.wait()
    held = hold(RunFolder(tmp_path))
    assert held is not None
    held.close()


@pytest.mark.parametrize("place", ["file/run", "/proc/balcap-run"])
def test_a_run_folder_that_cannot_be_made_is_a_mistake_of_the_user(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make the run folder"):
        RunFolder(tmp_path / place).create("steps: 1\n")


def test_a_run_that_cannot_be_written_is_a_mistake_before_a_model_is_loaded(
    fresh_policies: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("balcap.policies.loading.load", lambda *_, **__: pytest.fail("loaded"))
    assert main(command(fresh_policies["llava-1.5"], Path("/proc/nowhere/run"))) == 2
    assert "run is '/proc/nowhere/run', which cannot be written" in capsys.readouterr().err


def test_a_run_is_not_resumed_twice_at_once(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunFolder(tmp_path / "run")
    assert main(command(fresh_policies["llava-1.5"], run.path, "--eval-samples", "0")) == 0
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as one:  # fmt: skip
        assert one.stdout is not None
        one.stdout.readline()
        assert main(["train", "--resume", str(run.path)]) == 2
        assert f"is being trained by process {one.pid} on" in capsys.readouterr().err
        one.kill()


SMALL_FILES = """
import resource, sys
from balcap.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
sys.exit(main(sys.argv[1:]))
"""


def test_a_checkpoint_that_does_not_fit_is_one_message(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    words = command(fresh_policies["llava-1.5"], tmp_path / "run", "--eval-samples", "0")
    done = subprocess.run(
        [sys.executable, "-c", SMALL_FILES, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "cannot write the checkpoint of step 2" in done.stderr
    assert f"balcap train --resume {tmp_path / 'run'}" in done.stderr
    assert "Traceback" not in done.stderr
