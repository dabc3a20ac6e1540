"""Which rows of a file are usable samples, and what is wrong with the others?"""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from balcap.config import Columns
from balcap.data.images import Gallery
from balcap.data.parsed_rows import ParsedRow, kind_of
from balcap.data.row import BadRowError, Place, Row
from balcap.data.tables import StoredImage
from balcap.errors import UserError
from balcap.types import Sample

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


def check_rows(
    rows: Iterable[Row],
    read: Callable[[Mapping[str, Any]], ParsedRow],
    gallery: Gallery,
    prompt: str,
    *,
    drop_duplicates: bool = False,
) -> tuple[list[Sample], list[tuple[Place, str]]]:
    """Turn rows into samples, in their order; and return why the other rows, by place, cannot be.

    One reason is given per row, the first found: its text, then its image, then its id. Rows of one
    id and different content get different ids (`_names`); one that says what an earlier usable row
    of its id says is a duplicate, so that the listed rows may be deleted from the file without
    changing what is loaded.

    Args:
        rows: of a file.
        read: from a row to what it says.
        gallery: its images.
        prompt: of rows that have none.
        drop_duplicates: leave duplicates out, instead of counting them as bad rows.
    """
    understood: list[tuple[Place, ParsedRow, Path | StoredImage | None]] = []
    bad: list[tuple[Place, str]] = []
    for row in rows:
        try:
            parsed = read(_object(row))
            understood.append((row.place, parsed, gallery.find(parsed.image)))
        except BadRowError as error:
            bad.append((row.place, str(error)))
    broken = gallery.broken(picture for _, _, picture in understood if picture is not None)
    names = _names([(place, parsed) for place, parsed, _ in understood])
    taken: dict[str, Place] = {}
    samples = []
    for (place, parsed, picture), name in zip(understood, names, strict=True):
        if picture in broken:
            bad.append((place, broken[picture]))
        elif name in taken:
            if not drop_duplicates:
                bad.append((place, f"id {name!r} stands in {taken[name]} already"))
        else:
            taken[name] = place
            samples.append(_sample(parsed, name, picture, prompt))
    return samples, sorted(bad)


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


def _object(row: Row) -> Mapping[str, Any]:
    if row.error:
        raise BadRowError(row.error)
    if not isinstance(row.content, Mapping):
        raise BadRowError(f"is {kind_of(row.content)}; expected an object")
    return row.content


def _names(parsed_rows: Sequence[tuple[Place, ParsedRow]]) -> list[str]:
    """Return each row's id, making one where there is none, whatever the order of the rows.

    It is the row's own, else the image's name; with a digest of what the row says where rows of
    that name say different things, as in LLaVA's instructions, which ask several things about an
    image under one id. Where there is neither it is the row's number.
    """
    said = defaultdict(set)
    for place, parsed in parsed_rows:
        said[_name(place, parsed)].add(_digest(parsed))

    def name(place: Place, parsed: ParsedRow) -> str:
        short = _name(place, parsed)
        return f"{short}#{_digest(parsed)}" if len(said[short]) > 1 else short

    return [name(place, parsed) for place, parsed in parsed_rows]


def _name(place: Place, parsed: ParsedRow) -> str:
    if parsed.id is not None:
        return parsed.id
    if isinstance(parsed.image, str):
        return parsed.image
    # without the folder: the same id wherever the data are kept
    return f"row-{place.number}" + (f"-of-{Path(place.file).name}" if place.file else "")


def _digest(parsed: ParsedRow) -> str:
    said: tuple[object, ...] = (parsed.prompt, parsed.reference, parsed.facts, parsed.questions)
    if parsed.id is not None and isinstance(parsed.image, str):
        said = (*said, parsed.image)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:8]


def _sample(parsed: ParsedRow, name: str, image: Path | StoredImage | None, prompt: str) -> Sample:
    return Sample(
        id=name,
        prompt=parsed.prompt or prompt,
        image=image,
        reference=parsed.reference,
        facts=parsed.facts,
        questions=parsed.questions,
        metadata=parsed.metadata,
    )
