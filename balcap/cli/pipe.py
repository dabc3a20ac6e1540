"""Has whoever reads the output left, as `head` does in `balcap runs | head -3`?"""

from __future__ import annotations

import os
import select

READER_GONE = 141  # 128 + SIGPIPE, as shells report a program that this signal ended
STDOUT_AND_STDERR = (1, 2)  # as the process got them; notebooks and tests put others before


def reader_is_gone() -> bool:
    """Whether nobody reads stdout or stderr any more; what is left to be written is then dropped.

    A BrokenPipeError does not say so by itself: it may come from any other connection.
    """
    gone = [file for file in STDOUT_AND_STDERR if _has_no_reader(file)]
    for file in gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), file)  # Python flushes both when it ends
    return bool(gone)


def _has_no_reader(file: int) -> bool:
    watched = select.poll()
    watched.register(file, 0)  # errors and hang-ups are always told
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in watched.poll(0))
