"""How does each run of a sweep stand, as its folder tells it?

    SWEEP/sweep.json       the sweep file's content and the seed: what may be continued here
    SWEEP/001/             a run's folder, as `balcap train` fills it, and beside that
    SWEEP/001/job.json     its values, its command, how it ended, the end of its output if it failed
    SWEEP/001/output.log   what it printed
    SWEEP/001/.job.lock    held by the run's own processes as long as they live

Nothing is kept anywhere else, so a sweep that was killed continues from what lies here.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from balcap.errors import UserError
from balcap.runs.folder import RunFolder
from balcap.sweeps.commands import ARGS_FILE
from balcap.sweeps.file import Sweep

TAIL = 20  # lines of a failed run's output that are kept in its job.json


@dataclass(frozen=True)
class Slot:
    """The place of one run in a sweep's folder.

    Attributes:
        number: of the run, from 1.
        path: its folder.
    """

    number: int
    path: Path

    @property
    def job(self) -> Path:
        """What is known of the run beside what it wrote itself."""
        return self.path / "job.json"

    @property
    def output(self) -> Path:
        """What the run printed."""
        return self.path / "output.log"

    @cached_property
    def run(self) -> RunFolder:
        """The same folder, as a run's."""
        return RunFolder(self.path)

    def read_job(self) -> dict[str, Any]:
        """The content of `job.json`; empty if the run was never started."""
        return self.run.read_json(self.job)

    def write_job(self, **entries: Any) -> None:
        """Add entries to `job.json`."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.run.write_json(self.job, self.read_job() | entries)

    def is_finished(self) -> bool:
        """Whether the run needs no more work.

        Its summary says so, or its program ended well, or the sweep stopped it for good.
        """
        if self.run.read_json(self.run.summary).get("interrupted") is False:
            return True
        job = self.read_job()
        return job.get("exit_code") == 0 or job.get("stopped_at") is not None

    def can_resume(self) -> bool:
        """Whether the run has a checkpoint to go on from."""
        if not self.run.exists():
            return False
        try:
            self.run.last_checkpoint()
        except UserError:
            return False
        return True

    def clear(self) -> None:
        """Take away what a run without a checkpoint left, so that it can start anew."""
        for entry in self.path.iterdir():
            if entry.name in (self.job.name, LOCK, ARGS_FILE):
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def tail(self) -> str:
        """The last lines that the run printed."""
        if not self.output.is_file():
            return ""
        lines = self.output.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-TAIL:])


LOCK = ".job.lock"  # not the `.lock` of the run itself, which it takes while this one is held


def lock(folder: Path) -> int | None:
    """Lock a folder for this process and those that inherit the descriptor.

    Returns:
        The descriptor, which holds the lock until every process has closed it or died; None if
        others hold it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def slots(folder: Path, count: int) -> list[Slot]:
    """The places of a sweep's runs."""
    width = max(3, len(str(count)))
    return [Slot(number, folder / f"{number:0{width}d}") for number in range(1, count + 1)]


def claim(folder: Path, sweep: Sweep, seed: int) -> None:
    """Write down which sweep the folder holds, or check that it is this one.

    Raises:
        UserError: if the folder holds another sweep. More runs of the same one are welcome.
    """
    wanted = {"seed": seed, "sweep": _what_counts(sweep.content)}
    file = folder / "sweep.json"
    if not file.is_file():
        RunFolder(folder).write_json(file, wanted)
        return
    held = json.loads(file.read_text(encoding="utf-8"))
    for name in ("sweep", "seed"):
        if held[name] != wanted[name]:
            told = f"seed {held['seed']}" if name == "seed" else "another sweep"
            raise UserError(
                f"{folder} was started with {told}; give this one a folder of its own with --dir"
            )


def _what_counts(content: Mapping[str, Any]) -> Any:
    # a mended metric must not cost the runs that are done: it decides which come next, no more
    free = ("name", "description", "run_cap", "metric", "metrics", "early_terminate")
    kept = {k: v for k, v in content.items() if k not in free}
    return json.loads(json.dumps(kept, default=str))
