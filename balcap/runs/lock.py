"""Is another process at work on this run? A lock that the system takes back at any death."""

from __future__ import annotations

import fcntl
import os
import socket
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import IO, Any

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


def hold(folder: RunFolder) -> IO[str] | None:
    """Hold the run's folder until the returned file is closed or this process dies.

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
            f"cannot write into the run folder {folder.path}: {error.strerror}; make it writable, "
            "or name another folder with --run"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BUSY as error:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        raise UserError(
            f"{folder.path} is being trained by {holder}; wait for it or stop it, then "
            f"balcap train --resume {folder.path}"
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
