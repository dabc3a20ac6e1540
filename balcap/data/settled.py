"""Which rows of a file are samples, under which ids, and what is wrong with the others?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from balcap.data.naming import Names
from balcap.data.row import Place
from balcap.data.row_check import Checked
from balcap.data.tables import StoredImage
from balcap.types import Sample


class BadRow(NamedTuple):
    """A row that is left out.

    Attributes:
        place: where it stands.
        reason: why.
        image: of an image that is its fault: its file, or the name that leads to none.
    """

    place: Place
    reason: str
    image: str = ""


class Settled(NamedTuple):
    """What becomes of a file's rows.

    Attributes:
        chosen: id of each sample, and its place among the usable rows, from 0; in their order.
        bad: the other rows, in theirs.
    """

    chosen: list[tuple[str, int]]
    bad: list[BadRow]


def settle(
    rows: Iterable[Checked], keep: Callable[[Checked], None], *, drop_duplicates: bool
) -> Settled:
    """Go through rows, and tell them apart.

    Rows of one id and different content get different ids (`Names`); one that says what an earlier
    usable row of its id says is a duplicate, so that the bad rows may be deleted from the file
    without changing what is loaded.

    Args:
        rows: of a file, checked one by one.
        keep: called with each usable row.
        drop_duplicates: leave duplicates out, instead of counting them as bad rows.
    """
    names = Names()
    bad = []
    for row in rows:
        if row.parsed is not None:
            content = row.look.content if isinstance(row.image, StoredImage) else b""
            names.add(row.place, row.parsed, content, usable=not row.fault)
        if row.fault:
            file = str(row.image) if isinstance(row.image, Path) else row.absent
            bad.append(BadRow(row.place, row.fault, file))
        else:
            keep(row)
    chosen = []
    for index, name, earlier in names.settle():
        if earlier is None:
            chosen.append((name, index))
        elif not drop_duplicates:
            reason = f"id {name!r} stands in {earlier} already"
            bad.append(BadRow(names.place(index), reason))
    return Settled(chosen, sorted(bad))


def samples_in_memory(usable: list[Checked], settled: Settled, prompt: str) -> list[Sample]:
    """Make the samples of usable rows.

    Args:
        usable: all of them.
        settled: which ones are samples.
        prompt: of rows that have none.
    """
    return [_sample(usable[place], name, prompt) for name, place in settled.chosen]


def _sample(row: Checked, name: str, prompt: str) -> Sample:
    parsed = row.parsed
    assert parsed is not None
    return Sample(
        id=name,
        prompt=parsed.prompt or prompt,
        image=row.image,
        reference=parsed.reference,
        facts=parsed.facts,
        questions=parsed.questions,
        metadata=parsed.metadata,
    )
