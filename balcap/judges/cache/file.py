"""How do answers lie on disk? As rows of one SQLite file, which several processes share.

    judges        id, identity (JSON)
    answers       key (SHA-256), judge (id), ask (JSON, pictures by digest, packed), text, logprobs
                  (JSON), prompt_tokens, completion_tokens, seconds, time (seconds since 1970)
    dictionaries  id, form, content: what questions are packed with (`packing`)

Nearly all of a row was the question, 1.6 kB: it is kept for audits, and packed.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from balcap.judges.cache.location import network_file_system
from balcap.judges.cache.packing import TABLE, Packer
from balcap.judges.cache.quarantine import inode_of
from balcap.judges.types import JudgeRequest, JudgeResponse

VERSION = 1  # of the tables
BUSY = 5.0  # seconds to wait for another process that writes
AT_ONCE = 500  # keys looked up in one statement: some builds of SQLite allow 999

_TABLES = (
    "CREATE TABLE judges (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE)",
    """CREATE TABLE answers (
        key BLOB NOT NULL UNIQUE, judge INTEGER NOT NULL REFERENCES judges, ask TEXT NOT NULL,
        text TEXT NOT NULL, logprobs TEXT, prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL, seconds REAL NOT NULL, time REAL NOT NULL
    )""",
    f"PRAGMA user_version = {VERSION}",
)
_ANSWER = "text, logprobs, prompt_tokens, completion_tokens, seconds"
_UNUSABLE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class BrokenFileError(Exception):
    """The file is no SQLite file, is damaged, or has other tables than ours."""


@dataclass(frozen=True, slots=True)
class Row:
    """An answer to be kept.

    Attributes:
        key: of the question to that judge.
        judge: its identity.
        ask: the question.
        answer: what the judge said.
        time: when, in seconds since 1970.
    """

    key: str
    judge: Mapping[str, Any]
    request: JudgeRequest
    answer: JudgeResponse
    time: float


class AnswerFile:
    """The rows of a file; made if it is missing. May be used from several threads.

    Args:
        path: of the file; its folder exists.
        read_only: look only; the file must be there, and may lie where nothing can be written.

    Raises:
        BrokenFileError: here and in every method, if the file is of no use.
        sqlite3.Error: likewise, if it cannot be reached, or the disk fails.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._reading = threading.Lock()
        self._writing = threading.Lock()  # its own: while one waits to write, others may read
        with broken_told():
            self._reader = _looking(path) if read_only else _connected(path)
            self._writer = self._reader if read_only else _connected(path)
        self._packer, self._unpacker = Packer(self._writer), Packer(self._reader)
        self.inode = inode_of(path)

    def read(self, keys: Sequence[str]) -> dict[str, JudgeResponse]:
        """The answers that the file has, by key."""
        found: dict[str, JudgeResponse] = {}
        with broken_told(), self._reading:
            for start in range(0, len(keys), AT_ONCE):
                some = [bytes.fromhex(key) for key in keys[start : start + AT_ONCE]]
                marks = ",".join("?" * len(some))
                rows = self._reader.execute(
                    f"SELECT key, {_ANSWER} FROM answers WHERE key IN ({marks})", some
                )
                found |= {key.hex(): _answer(*row) for key, *row in rows}
        return found

    def write(self, rows: Sequence[Row]) -> int:
        """Keep answers, all or none; one that is there stays as it is. Returns their number."""
        try:
            with broken_told(), self._writing, self._writer as writer:
                writer.execute("BEGIN IMMEDIATE")
                names = {json.dumps(dict(row.judge), sort_keys=True) for row in rows}
                numbers = {name: _number(writer, name) for name in names}
                plain = [
                    _plain(row, numbers, self._packer.pack(row.request.content())) for row in rows
                ]
                marks = ", ".join("?" * 9)
                writer.executemany(f"INSERT OR IGNORE INTO answers VALUES ({marks})", plain)
        except BaseException:
            self._packer.forget()
            raise
        return len(rows)

    def judges(self) -> list[dict[str, Any]]:
        """Identities of the judges whose answers are kept, the first one first."""
        with broken_told(), self._reading:
            rows = self._reader.execute("SELECT identity FROM judges ORDER BY id").fetchall()
        return [json.loads(identity) for (identity,) in rows]

    def recorded(self) -> Iterator[tuple[dict[str, Any], dict[str, Any], JudgeResponse]]:
        """For audits: of each answer, the judge's identity, the question as
        `JudgeRequest.content` gives it, and the answer; in the order of their writing."""
        with broken_told():
            rows = self._reader.execute(
                f"SELECT identity, ask, {_ANSWER} FROM answers JOIN judges ON id = judge "
                "ORDER BY answers.rowid"
            )
            for judge, request, *row in rows:
                yield json.loads(judge), self._unpacker.unpack(request), _answer(*row)

    def close(self) -> None:
        """Let go of the file. The last one who does leaves it whole, without a journal beside."""
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()


@contextmanager
def broken_told() -> Iterator[None]:
    """Let a file that is of no use be told as a BrokenFileError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNUSABLE:
            raise BrokenFileError(str(error)) from error
        raise


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, BUSY, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(
            "PRAGMA synchronous = NORMAL"
        )  # no kill costs an answer, a power cut may
        _make_tables(connection)
        connection.execute(TABLE)  # files of older versions have none
        _share(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _share(connection: sqlite3.Connection, path: Path) -> None:
    """Let others read while one writes. Where the file system cannot do that, or another process
    is just doing this, the file stays as it is: it can be shared all the same, more slowly. Where
    processes of other machines see it too, the journal that this takes would break it."""
    if network_file_system(path):
        return
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY):
            raise


def _make_tables(connection: sqlite3.Connection) -> None:
    if _version(connection) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")  # another process may be at it
    with connection:
        found = _version(connection)
        if found == VERSION:
            return
        if found or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise BrokenFileError(f"its tables are not those of version {VERSION}")
        for statement in _TABLES:
            connection.execute(statement)


def _looking(path: Path) -> sqlite3.Connection:
    """A connection that cannot write; where it could not even lock, one that does not lock."""
    for how in ("mode=ro", "immutable=1"):
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?{how}", BUSY, check_same_thread=False, uri=True
        )
        try:
            if _version(connection) == VERSION:
                return connection
            problem: Exception = BrokenFileError(f"its tables are not those of version {VERSION}")
        except sqlite3.OperationalError as error:
            problem = error
        connection.close()
    raise problem


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _number(writer: sqlite3.Connection, identity: str) -> int:
    writer.execute("INSERT OR IGNORE INTO judges (identity) VALUES (?)", (identity,))
    found = writer.execute("SELECT id FROM judges WHERE identity = ?", (identity,)).fetchone()
    return int(found[0])


def _plain(row: Row, numbers: Mapping[str, int], packed: bytes) -> tuple[Any, ...]:
    answer = row.answer
    return (
        bytes.fromhex(row.key),
        numbers[json.dumps(dict(row.judge), sort_keys=True)],
        packed,
        _storable(answer.text),
        None if answer.logprobs is None else json.dumps(answer.logprobs),
        answer.prompt_tokens,
        answer.completion_tokens,
        answer.seconds,
        row.time,
    )


def _storable(text: str) -> str | bytes:
    """A text; as bytes if it holds half a surrogate pair, which SQLite's texts cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def _answer(
    text: str | bytes, logprobs: str | None, prompt: int, completion: int, seconds: float
) -> JudgeResponse:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogatepass")
    chances = None if logprobs is None else tuple(json.loads(logprobs))
    return JudgeResponse(text, chances, prompt, completion, seconds)
