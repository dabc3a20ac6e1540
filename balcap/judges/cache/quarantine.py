"""What becomes of an answer file that is of no use? It is renamed, never deleted."""

from __future__ import annotations

import fcntl
from datetime import datetime
from pathlib import Path


def inode_of(path: Path) -> int | None:
    """Which file has this name now; None if there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def quarantine(path: Path, inode: int | None) -> Path | None:
    """Rename a file, with what SQLite keeps beside it, to its name and the time.

    Args:
        path: of the file.
        inode: of the file that is meant. If another process was first, the name belongs to a
            good file by now, and nothing is done.

    Returns:
        Its new name, or None if nothing was done.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)  # of the processes that found it, one goes on at a time
        if inode_of(path) != inode:
            return None
        quarantined = path.with_name(f"{path.name}.quarantined-{datetime.now():%Y%m%d-%H%M%S-%f}")
        for beside in ("-wal", "-shm", "-journal"):
            own = path.with_name(path.name + beside)
            if own.exists():
                own.rename(quarantined.with_name(quarantined.name + beside))
        return path.rename(quarantined)
