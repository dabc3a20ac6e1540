"""Which rows of a file are usable samples, and what is wrong with the others?"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from balcap.config import Columns
from balcap.data.parsed_rows import ParsedRow
from balcap.errors import UserError

_SHOWN = 20  # reasons
_NAMED = 3  # rows of a reason
_NAME = re.compile(r"'[^']*'|(?<=image )\S+|\d+")
"""What may differ between reasons of one kind."""
Reader: TypeAlias = Callable[[Mapping[str, Any], Columns], ParsedRow]
"""Turns a row into a `ParsedRow`, or raises BadRowError."""


@dataclass(frozen=True)
class Problem:
    """A row that was left out.

    Attributes:
        file: as the user named it.
        row: counted from 1; the line of a JSONL file, blank lines included (`rows.Row`).
        reason: what is wrong, in a few words.
    """

    file: str
    row: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}: {self.reason}"


class BadDataError(UserError):
    """Too many rows are bad. `problems` has all of them; the message shows the first ones."""

    def __init__(self, message: str, problems: Sequence[Problem]) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


def refuse_bad(
    file: str, usable: int, problems: Sequence[Problem], max_bad: float, columns: Iterable[str] = ()
) -> None:
    """Raise BadDataError if no row is usable or more than `max_bad` of the rows is not.

    Args:
        file: as the user named it.
        usable: number of rows.
        problems: the other rows.
        max_bad: share of the rows.
        columns: that rows have, for the message where no row is usable.
    """
    total = usable + len(problems)
    if not total:
        raise UserError(f"{file} has no rows")
    share = len(problems) / total
    if usable and share <= max_bad:
        return
    reasons = by_reason(problems)
    lines = [f"  {reason}" for reason in reasons[:_SHOWN]]
    if len(reasons) > _SHOWN:
        lines.append(f"  and {len(reasons) - _SHOWN:,} more reasons")
    if not usable and columns:
        lines.append(f"  the columns are {', '.join(sorted(columns))}")
    step = (
        f"mend them, or leave them out with max_bad {math.ceil(share * 100) / 100}"
        if usable
        else "mend them, or name the columns (--columns.caption and so on); no row is left to use"
    )
    raise BadDataError(
        f"{file}: {len(problems):,} of {total:,} rows are unusable ({share:.1%}; "
        f"max_bad allows {max_bad:.1%}):\n" + "\n".join(lines) + f"\n{step}",
        problems,
    )


def by_reason(problems: Sequence[Problem]) -> list[str]:
    """One line for each kind of reason, with the rows that have it and the first one's reason:
    `rows 3, 4, 5 and 17 more: ...`. Reasons that differ in a name or a number are of one kind."""
    kinds: dict[str, list[Problem]] = defaultdict(list)
    for each in problems:
        kinds[_NAME.sub("*", each.reason)].append(each)
    several = len({each.file for each in problems}) > 1
    return [f"{_rows(alike, several)}: {_reason(alike)}" for alike in kinds.values()]


def _rows(problems: Sequence[Problem], several: bool) -> str:
    """`row 3`, or `rows 3, 4, 5 and 17 more`; with their files where there are several."""
    shown = ", ".join(
        f"{each.row} of {each.file}" if several else f"{each.row}" for each in problems[:_NAMED]
    )
    more = f" and {len(problems) - _NAMED:,} more" if len(problems) > _NAMED else ""
    return f"row{'s' if len(problems) > 1 else ''} {shown}{more}"


def _reason(alike: Sequence[Problem]) -> str:
    first = alike[0].reason
    return first if all(each.reason == first for each in alike) else f"{first} (and the like)"
