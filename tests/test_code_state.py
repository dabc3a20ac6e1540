"""What is written down of the code that made a run, and whether its process still lives."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from balcap.analysis.overview import state_of
from balcap.runs import provenance
from balcap.runs.provenance import git_state, is_alive, record, starts
from helpers.heads import Brief
from helpers.runs import HEADS, cut, write_run


def test_each_start_is_an_entry_with_versions_and_hashes(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    record(run, ["Describe it.", "Describe it."], [Brief()])
    record(run)
    first, second = starts(run)
    assert first["versions"]["python"] == sys.version.split()[0]
    assert {"balcap", "torch", "trl", "transformers", "numpy"} <= set(first["versions"])
    # echo -n "Describe it." | sha256sum
    assert first["sha256"]["prompts"] == {
        "Describe it.": "98c0ac908e6ac25b786a463e0a32685f54ef5d979af99c61100f4c6c19ecdd9e"
    }
    assert set(first["sha256"]["heads"]["brief"]) == {HEADS.name}
    assert second["sha256"] == {"prompts": {}, "heads": {}}


def test_prompt_files_beside_a_head_are_hashed_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "mine.py").write_text("class Mine:\n    name = 'mine'\n")
    (tmp_path / "prompts" / "mine.txt").write_text("Is it true?")
    (tmp_path / "prompts" / "other.txt").write_text("Of another head.")
    monkeypatch.syspath_prepend(tmp_path)
    import mine  # type: ignore[import-not-found]

    run = write_run(tmp_path / "run")
    record(run, [], [mine.Mine()])
    assert set(starts(run)[0]["sha256"]["heads"]["mine"]) == {"mine.py", "mine.txt"}


def test_many_prompts_are_one_hash(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    record(run, [f"What is {i}?" for i in range(11)])
    assert list(starts(run)[0]["sha256"]["prompts"]) == ["11 prompts"]


def test_uncommitted_changes_are_kept(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)

    assert git_state(tmp_path) is None  # in no repository
    (tmp_path / "balcap").mkdir()
    source = tmp_path / "balcap" / "__init__.py"
    source.write_text("one = 1\n")
    git("init", "-q")
    assert git_state(tmp_path) is None  # in a repository that does not hold balcap
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first")
    clean = git_state(tmp_path) or {}
    assert len(clean["commit"]) == 40
    assert (clean["diff"], clean["untracked"]) == ("", [])
    source.write_text("one = 2\n")
    (tmp_path / "new.py").write_text("")
    changed = git_state(tmp_path) or {}
    assert "+one = 2" in changed["diff"]
    assert changed["untracked"] == ["new.py"]


def test_it_never_ends_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path / "run")
    monkeypatch.setenv("PATH", "")  # no git
    record(run, ["a"])
    assert starts(run)[0]["git"] is None
    cut(run.path / "code.json")
    assert starts(run) == []
    monkeypatch.setattr(provenance, "_file", lambda run: run.path / "missing" / "code.json")
    record(run, ["a"])


def test_it_is_quick(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    start = time.monotonic()
    record(run, ["Describe it."] * 3000, [Brief()])
    assert time.monotonic() - start < 1  # about 0.05 s; a busy machine gets more


def test_the_state_of_a_run(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    assert is_alive(run) is None
    assert state_of(run) == "unfinished"
    record(run)
    assert state_of(run) == "running"  # by this very process
    run.write_json(run.summary, {"interrupted": True})
    assert state_of(run) == "running"  # resumed after an interruption
    retell(run.path, born=-1)  # the number has been given to another process since
    assert is_alive(run) is False
    assert state_of(run) == "interrupted"
    run.write_json(run.summary, {})
    assert state_of(run) == "crashed"
    retell(run.path, host="elsewhere")
    assert state_of(run) == "unfinished"
    run.write_json(run.summary, {"interrupted": False})
    assert state_of(run) == "finished"


def test_a_process_that_has_ended_is_not_alive(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    record(run)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    retell(run.path, pid=ended.pid)
    assert ended.pid != os.getpid()
    assert is_alive(run) is False


def retell(path: Path, **process: object) -> None:
    """Change what the last start says of its process."""
    file = path / "code.json"
    content = json.loads(file.read_text())
    content["starts"][-1]["process"] |= process
    file.write_text(json.dumps(content))
