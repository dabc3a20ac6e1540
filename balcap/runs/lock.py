"""Is another process at work in this folder? A lock that the system takes back at any death."""

from __future__ import annotations

import fcntl
import os
import socket
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

from balcap import distributed
from balcap.console import say
from balcap.errors import UserError
from balcap.runs.folder import RunFolder

BUSY = (BlockingIOError, PermissionError)


def lock(folder: RunFolder) -> AbstractContextManager[Any]:
    """Hold a run's folder while the returned context lasts, on behalf of all processes of this
    training, each of which must call.

    Raises:
        UserError: in every process, as `hold`.
    """
    held, failure = None, None
    if distributed.is_first():
        try:
            held = hold(folder)
        except UserError as error:
            failure = error
    distributed.raise_together(failure)
    return held or nullcontext()


class Folder(Protocol):
    """Whatever has a folder of its own, already made."""

    path: Path


def hold(folder: Folder, doing: str = "trained", again: str = "") -> IO[str] | None:
    """Hold a folder until the returned file is closed or this process dies.

    Args:
        folder: of a run, or of other work.
        doing: what is being done there, for the message.
        again: what to do once nobody else does it; default: resume the run.

    Returns:
        The locked file; None on a file system without locks, which is said.

    Raises:
        UserError: if another process holds it (names host, process id and start time), or the
            folder cannot be written.
    """
    path = folder.path / ".lock"
    try:
        file = path.open("a+")
    except OSError as error:
        raise UserError(
            f"cannot write into the folder {folder.path}: {error.strerror}; make it writable, or "
            "name another one"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BUSY as error:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        raise UserError(
            f"{folder.path} is being {doing} by {holder}; wait for it or stop it, then "
            f"{again or f'balcap train --resume {folder.path}'}"
        ) from error
    except OSError as error:
        file.close()
        say(f"{folder.path} cannot be locked ({error.strerror}): let no other process resume it")
        return None
    file.truncate(0)
    started = datetime.now().isoformat(timespec="seconds")
    file.write(f"process {os.getpid()} on {socket.gethostname()}, since {started}\n")
    file.flush()
    return file
