"""What is a row of a data file, before anybody has understood it?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple


class BadRowError(Exception):
    """Why a row cannot be used."""


class Place(NamedTuple):
    """Where a row stands.

    Attributes:
        file: which one of several; empty where there is one.
        number: counted from 1. The line of a JSONL file, blank lines included; else the place in
            the list, the map or the table.
    """

    file: str
    number: int

    def __str__(self) -> str:
        return f"row {self.number}" + (f" of {self.file}" if self.file else "")


@dataclass(frozen=True)
class Row:
    """A row as it stands in its file.

    Attributes:
        number: see `Place`.
        content: any JSON value; for a table, its cells by column.
        error: why there is no content; empty if there is.
        file: see `Place`.
    """

    number: int
    content: Any
    error: str = ""
    file: str = ""

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.file, self.number)


def numbered(contents: Iterable[Any]) -> Iterator[Row]:
    """Rows by their place among others."""
    return (Row(number, content) for number, content in enumerate(contents, 1))
