"""What was answered before? One SQLite file, or this process's memory."""

from __future__ import annotations

import atexit
import os
import sqlite3
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from balcap.judges.cache.file import AnswerFile, BrokenFileError, Row
from balcap.judges.cache.location import network_file_system
from balcap.judges.cache.quarantine import inode_of, quarantine
from balcap.judges.types import JudgeRequest, JudgeResponse

T = TypeVar("T")

REMEMBERED = 65536  # answers, about 1 kB each; a step asks tens of thousands
TOGETHER = 0.05  # seconds in which answers are collected for one commit
AT_ONCE = 2000  # answers in one commit: other processes wait no longer than for these
FLUSH_SECONDS = 5.0  # seconds that `flush` waits while another process will not let this one write


class Memory:
    """The newest answers of this process: heads of one step that ask the same share them."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._size = size
        self._answers: OrderedDict[str, JudgeResponse] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, keys: Sequence[str]) -> dict[str, JudgeResponse]:
        """The answers that are known, by key."""
        with self._lock:
            return {key: self._answers[key] for key in keys if key in self._answers}

    def put(
        self, key: str, judge: Mapping[str, Any], request: JudgeRequest, answer: JudgeResponse
    ) -> None:
        """Keep an answer; the oldest makes room."""
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > self._size:
                self._answers.popitem(last=False)

    def flush(self) -> None:
        """Nothing to do: there is no file."""


def open_cache(path: Path) -> AnswerCache:
    """Return the cache of a file that all of this process share."""
    with _lock:  # two threads may open the same one at once
        return _shared(path.expanduser().resolve())


_lock = threading.Lock()


@cache
def _shared(path: Path) -> AnswerCache:
    return AnswerCache(path)


class AnswerCache:
    """A file of answers, shared by threads and processes of one machine.

    Nothing that goes wrong with the file ends a run: a broken one is quarantined (renamed), and
    where the disk fails (full, gone) answers are kept in memory from there on. Each costs one
    warning.

    A thread of its own writes, many answers in one commit. What was put before `flush` is safe
    when it returns, whatever ends the process; of the rest a kill may cost 0.05 seconds.

    Args:
        path: of the file. It is opened when it is first needed, and made if it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # no lock, thread or connection survives it
        atexit.register(self.close)

    def _begin(self) -> None:
        # a connection must not be used, nor closed, in a child of the process that opened it
        self._inherited = (*getattr(self, "_inherited", ()), getattr(self, "_file", None))
        self._file: AnswerFile | None = None
        self._opening = threading.RLock()
        self._memory: Memory | None = None  # takes the answers once the file cannot
        self._changed = threading.Condition()  # guards what is below
        self._pending: dict[str, Row] = {}
        self._added = self._done = 0  # answers that came into `_pending`, and that left it
        self._writer: threading.Thread | None = None
        self._wanted, self._hurried = threading.Event(), threading.Event()

    def get(self, keys: Sequence[str]) -> dict[str, JudgeResponse]:
        """The answers that are known, by key."""
        with self._changed:
            found = {key: self._pending[key].answer for key in keys if key in self._pending}
        if self._memory is not None:
            found |= self._memory.get(keys)
        rest = [key for key in keys if key not in found]
        return found | (self._tried(lambda file: file.read(rest)) or {})

    def put(
        self, key: str, judge: Mapping[str, Any], request: JudgeRequest, answer: JudgeResponse
    ) -> None:
        """Keep an answer; one that is there already stays. Returns at once."""
        with self._changed:
            if key in self._pending:
                return
            self._pending[key] = Row(key, judge, request, answer, time.time())
            self._added += 1
            self._wanted.set()
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="answers", daemon=True)
                self._writer.start()

    def flush(self) -> None:
        """Wait until what was put before is written, or kept in memory where it cannot be."""
        with self._changed:
            last = self._added
            if self._done < last:
                self._hurried.set()
                self._changed.wait_for(lambda: self._done >= last, FLUSH_SECONDS)

    def close(self) -> None:
        """Write what is left and let go of the file; it is opened again if it is needed."""
        self.flush()
        if self._pending:
            _warn(f"{len(self._pending)} answers were not written to {self.path}: it is locked")
        with self._opening:
            if self._file is not None:
                self._file.close()
            self._file = None

    def _write(self) -> None:
        """The writer's life."""
        while True:
            self._wanted.wait()
            self._hurried.wait(TOGETHER)
            with self._changed:
                self._hurried.clear()
                rows = list(islice(self._pending.values(), AT_ONCE))
            left = self._kept(rows)
            with self._changed:
                for row in rows if left else ():
                    del self._pending[row.key]
                    self._done += 1
                if not self._pending:
                    self._wanted.clear()
                elif left:
                    self._hurried.set()
                self._changed.notify_all()

    def _kept(self, rows: Sequence[Row]) -> bool:
        """Write rows, or keep them in memory; False if another process is in the way."""
        if self._memory is None and self._tried(lambda file: file.write(rows)) is not None:
            return True
        if self._memory is None:
            return False
        for row in rows:
            self._memory.put(row.key, row.judge, row.request, row.answer)
        return True

    def _tried(self, action: Callable[[AnswerFile], T]) -> T | None:
        """What came of it, or None if it failed: for now (another process), or for good."""
        try:
            file = self._opened()
            try:
                return action(file)
            except BrokenFileError as error:
                self._replace(file, error)
                return action(self._opened())
        except (BrokenFileError, sqlite3.Error, OSError) as error:
            if not _is_busy(error) and self._memory is None:
                self._memory = Memory()
                _warn(
                    f"the answer cache {self.path} cannot be used ({error}); answers are kept in "
                    "memory from here on"
                )
            return None

    def _opened(self) -> AnswerFile:
        with self._opening:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                inode = inode_of(self.path)
                if network := network_file_system(self.path):
                    _warn(
                        f"the answer cache {self.path} is on {network}, where processes of several "
                        "machines must not share it; set BALCAP_CACHE, or --judge.cache, to a "
                        "place on this machine's own disk"
                    )
                try:
                    self._file = AnswerFile(self.path)
                except BrokenFileError as error:
                    self._set_aside(inode, error)
                    self._file = AnswerFile(self.path)
            return self._file

    def _replace(self, file: AnswerFile, error: BrokenFileError) -> None:
        with self._opening:
            if self._file is file:  # and no other thread was first
                self._file = None
                self._set_aside(file.inode, error)

    def _set_aside(self, inode: int | None, error: BrokenFileError) -> None:
        if quarantined := quarantine(self.path, inode):
            _warn(
                f"the answer cache {self.path} is of no use ({error}); it is now "
                f"{quarantined.name}, and a new one begins"
            )


def _is_busy(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)
