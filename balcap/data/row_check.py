"""What does each row of a file say, and can it be used?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from balcap.data.images import Gallery, Look
from balcap.data.parsed_rows import ParsedRow, kind_of
from balcap.data.row import BadRowError, Place, Row
from balcap.data.tables import StoredImage

_AT_ONCE = 4096  # rows whose images are looked at together
_REMEMBERED = 100_000  # images whose looks are kept for rows to come: of a million, gigabytes


_NOTHING = Look()


@dataclass(frozen=True, slots=True)
class Checked:
    """A row that was read.

    Attributes:
        place: where it stands.
        fault: why it cannot be used; empty if it can, as far as it alone says.
        parsed: what it says; None where that could not be understood.
        image: where its image is; None for none.
        look: what was seen of it.
        absent: the name of an image that is not there, where that is the fault.
    """

    place: Place
    fault: str = ""
    parsed: ParsedRow | None = None
    image: Path | StoredImage | None = None
    look: Look = _NOTHING
    absent: str = ""


def check_rows(
    rows: Iterable[Row], read: Callable[[Mapping[str, Any]], ParsedRow], gallery: Gallery
) -> Iterator[Checked]:
    """Check rows one by one, in their order.

    One reason is given per row, the first found: its text, then its image. An image that several
    rows name is looked at once, unless very many others lie between them.

    Args:
        rows: of a file.
        read: from a row to what it says.
        gallery: its images.
    """
    waiting = iter(rows)
    seen: dict[Path | StoredImage, Look] = {}
    while some := [_understood(row, read, gallery) for row in islice(waiting, _AT_ONCE)]:
        new = (row.image for row in some if row.image is not None and row.image not in seen)
        looks = gallery.looks(new)
        for row in some:
            if row.image is None:
                yield row
                continue
            look = looks.get(row.image) or seen.get(row.image, _NOTHING)
            yield replace(row, fault=look.fault, look=look)
        if len(seen) > _REMEMBERED:
            seen.clear()
        seen |= {image: look for image, look in looks.items() if isinstance(image, Path)}


def _understood(
    row: Row, read: Callable[[Mapping[str, Any]], ParsedRow], gallery: Gallery
) -> Checked:
    """A row before its image is looked at."""
    try:
        parsed = read(_object(row))
    except BadRowError as error:
        return Checked(row.place, str(error))
    try:
        return Checked(row.place, parsed=parsed, image=gallery.find(parsed.image))
    except BadRowError as error:
        return Checked(row.place, str(error), absent=str(parsed.image or ""))


def _object(row: Row) -> Mapping[str, Any]:
    if row.error:
        raise BadRowError(row.error)
    if not isinstance(row.content, Mapping):
        raise BadRowError(f"is {kind_of(row.content)}; expected an object")
    return row.content
