"""By which code, and on which machine, was a run made?

    RUN/code.json    {"starts": [...]}: one entry for the first start and one for each --resume

Each entry holds the time, the process, the git commit and uncommitted changes of the checkout that
balcap runs from (null where it is installed as a package), the versions of what the numbers depend
on, and SHA-256 of the policy's prompts and of the files that its heads are made of: their source
and the texts of their questions to a judge, with those that such heads share. Once the policy is
loaded, `threads` is added: those that torch computes with. `updates_behind` is not 0 where the
captions were off-policy (`--rollout.ahead`).
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from balcap import distributed
from balcap.errors import RunError
from balcap.runs.folder import RunFolder

PACKAGES = (
    "balcap", "torch", "transformers", "trl", "accelerate", "peft", "datasets", "numpy", "pandas",
    "pyarrow", "pillow", "sentence-transformers", "harper-py", "language-tool-python", "vllm",
    "wandb",
)  # fmt: skip
LONGEST_DIFF = 1_000_000  # characters
GIT_SECONDS = 5.0
SHARED_QUESTIONS = Path(__file__).parents[1] / "judges" / "texts"
PROMPT_FILES = (".txt", ".md", ".j2", ".jinja", ".json", ".yaml")


def record(
    run: RunFolder,
    prompts: Iterable[str] = (),
    heads: Iterable[object] = (),
    updates_behind: int = 0,
) -> None:
    """Add this start to a run's `code.json`. Never ends a run: what cannot be known is null.

    Args:
        run: its folder, already made.
        prompts: of the training samples.
        heads: the reward heads.
        updates_behind: updates of the policy between the writing of a caption and the one that
            learns from it; 0 is on-policy.
    """
    entry = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "process": _process(os.getpid()),
        "processes": distributed.count(),
        "git": git_state(Path(__file__).parents[2]),
        "updates_behind": updates_behind,
        "versions": versions(),
        "sha256": {"prompts": _sha256_of_texts(prompts), "heads": _sha256_of_heads(heads)},
    }
    try:
        run.write_json(_file(run), {"starts": [*starts(run), entry]})
    except (OSError, RunError):
        return


def add_threads(run: RunFolder, threads: int) -> None:
    """Add to this start's entry how many threads torch computes with."""
    known = starts(run)
    if not known:
        return
    try:
        run.write_json(_file(run), {"starts": [*known[:-1], known[-1] | {"threads": threads}]})
    except (OSError, RunError):
        return


def threads_of(run: RunFolder) -> int | None:
    """How many threads torch had when the run was last started; None if that is not known."""
    return next((each["threads"] for each in reversed(starts(run)) if "threads" in each), None)


def starts(run: RunFolder) -> list[dict[str, Any]]:
    """The entries of a run's `code.json`, oldest first; none if it is not there or not whole."""
    try:
        found: list[dict[str, Any]] = json.loads(_file(run).read_text(encoding="utf-8"))["starts"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return found


def is_alive(run: RunFolder) -> bool | None:
    """Whether the process that last worked on a run still lives; None if it cannot be known.

    That is where it was started on another machine, or before balcap kept code states.
    """
    entries = starts(run)
    process = entries[-1]["process"] if entries else {}
    if process.get("host") != socket.gethostname():
        return None
    return process == _process(int(process["pid"]))


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit, uncommitted changes and new files of balcap's checkout; None if it is in none."""
    # a package installed inside somebody's repository is not a checkout of balcap
    if _git(folder, "ls-files", "--error-unmatch", "balcap/__init__.py") is None:
        return None
    diff = _git(folder, "diff", "HEAD", "--no-color", "--no-ext-diff") or ""
    new = _git(folder, "ls-files", "--others", "--exclude-standard") or ""
    return {
        "commit": (_git(folder, "rev-parse", "HEAD") or "").strip() or None,
        "diff": diff[:LONGEST_DIFF],
        "diff_is_whole": len(diff) <= LONGEST_DIFF,
        "untracked": new.splitlines()[:100],
    }


def versions() -> dict[str, str]:
    """Versions of Python, the system and every installed package that numbers may depend on."""
    found = {"python": platform.python_version(), "system": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _file(run: RunFolder) -> Path:
    return run.path / "code.json"


def _process(pid: int) -> dict[str, Any] | None:
    """What tells a process from every other; None if it does not live.

    A number is given again to later processes, so the time of birth stands beside it (in clock
    ticks since the start of the machine; null on systems without /proc).
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:  # it lives, and is somebody else's
        pass
    try:
        # the second field may hold blanks, in brackets
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        born = int(fields[19])
    except (OSError, ValueError, IndexError):
        born = None
    return {"host": socket.gethostname(), "pid": pid, "born": born}


def _git(folder: Path, *arguments: str) -> str | None:
    """What git answers, or None if it fails, is missing or takes too long."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},  # sweeps start many at once
            capture_output=True,
            timeout=GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", errors="replace")


def _sha256(content: str | bytes) -> str:
    # a data file may hold half a surrogate pair, which no plain encoding takes
    coded = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.sha256(coded).hexdigest()


def _sha256_of_texts(prompts: Iterable[str]) -> dict[str, str]:
    """SHA-256 by prompt; where rows have prompts of their own, one of all, sorted."""
    distinct = sorted(set(prompts))
    if len(distinct) <= 10:
        return {prompt: _sha256(prompt) for prompt in distinct}
    return {f"{len(distinct)} prompts": _sha256("\0".join(distinct))}


def _sha256_of_heads(heads: Iterable[object]) -> dict[str, dict[str, str]]:
    """SHA-256 by head and file: its source, modules and prompts beside it whose names begin as its
    own, and for one that asks a judge the questions that all such heads share."""
    found: dict[str, dict[str, str]] = {}
    for head in heads:
        name = str(getattr(head, "name", type(head).__name__))
        try:
            found[name] = {file.name: _sha256(file.read_bytes()) for file in files_of(head)}
        except OSError:
            continue
    return found


def files_of(head: object) -> Iterator[Path]:
    """The files that a head is made of: source, modules and prompts of its own, shared questions.

    None for one whose source is in no file.
    """
    source = getattr(sys.modules.get(type(head).__module__), "__file__", None)
    if source is None:
        return
    path = Path(source)
    yield path
    yield from sorted(path.parent.glob(f"{path.stem}_*.py"))
    for folder in (path.parent, path.parent / "prompts"):
        for file in sorted(folder.glob(f"{path.stem}*")):
            if file.suffix in PROMPT_FILES and file.is_file():
                yield file
    if getattr(head, "uses_judge", False):
        yield from sorted(SHARED_QUESTIONS.glob("*.txt"))
