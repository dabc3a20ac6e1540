"""How much is in a file of answers, and how does it get smaller?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from balcap.judges.cache.file import AnswerFile, broken_told


@dataclass(frozen=True, slots=True)
class Share:
    """What a file has of one judge.

    Attributes:
        judge: its identity.
        answers: how many.
        bytes: of questions and answers together.
        first: when the oldest was written, in seconds since 1970.
        last: when the newest was.
    """

    judge: Mapping[str, Any]
    answers: int
    bytes: int
    first: float
    last: float


class PrunableFile(AnswerFile):
    """A file of answers that can be looked at as a whole, and shortened."""

    def shares(self) -> list[Share]:
        """What there is of each judge, the largest share first."""
        with broken_told(), self._reading:
            rows = self._reader.execute(
                "SELECT identity, COUNT(*), SUM(LENGTH(CAST(ask AS BLOB)) + LENGTH(CAST(text AS "
                "BLOB)) + LENGTH(COALESCE(logprobs, ''))) AS bytes, MIN(time), MAX(time) "
                "FROM answers JOIN judges ON id = judge GROUP BY judge ORDER BY bytes DESC"
            ).fetchall()
        return [Share(json.loads(judge), *row) for judge, *row in rows]

    def delete_older(self, time: float) -> int:
        """Delete what was written before a time, in seconds since 1970. Returns how many."""
        return self._delete("time < ?", time)

    def delete_oldest(self, size: float) -> int:
        """Delete the oldest answers, until the others fit into a file of that many bytes. Returns
        how many."""
        pages, free, page, rows = (
            self._writer.execute(asked).fetchone()[0]
            for asked in (
                "PRAGMA page_count",
                "PRAGMA freelist_count",
                "PRAGMA page_size",
                "SELECT COUNT(*) FROM answers",
            )
        )
        used = (pages - free) * page
        if used <= size or not rows:
            return 0
        kept = int(rows * size / used)
        return self._delete(
            "rowid IN (SELECT rowid FROM answers ORDER BY time LIMIT ?)", rows - kept
        )

    def _delete(self, which: str, value: float) -> int:
        with broken_told(), self._writing, self._writer as writer:
            writer.execute("BEGIN IMMEDIATE")
            return int(writer.execute(f"DELETE FROM answers WHERE {which}", (value,)).rowcount)

    def shrink(self) -> None:
        """Give the room of what was deleted back to the disk."""
        with broken_told(), self._writing, self._reading:
            self._writer.execute("VACUUM")
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
