"""As which kind of data can a file be read, and what are its columns called?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from balcap.config import Columns
from balcap.data.base64_images import from_base64
from balcap.data.formats import offered, reader_of
from balcap.data.parsed_rows import ParsedRow
from balcap.data.row import BadRowError
from balcap.data.rows import read_rows
from balcap.data.tables import StoredImage
from balcap.errors import UserError

TRIED = 200  # rows; a file is of one kind, and its first rows show which
_PARTICULAR = {"caption-qa": 0, "conversations": 1, "records": 2}
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")


@dataclass(frozen=True)
class Layout:
    """How a file is read.

    Attributes:
        kind: as in `--data KIND:PATH`.
        columns: the names that have to be given.
    """

    kind: str
    columns: Columns


def detect(path: str, columns: Columns) -> Layout:
    """The kind as which most of the first rows can be read, whatever becomes of their images.

    Where none can, the column whose texts name pictures is taken for the image, and the one with
    the longest texts of several words for the caption.

    Args:
        path: as after `KIND:`.
        columns: what the user named.

    Raises:
        UserError: if the rows cannot be read as any kind, with the columns that they have.
    """
    rows = [row.content for row in islice(read_rows(path), TRIED)]
    contents = [content for content in rows if isinstance(content, Mapping)]
    # the most particular first: a file of questions can be read as records too
    # but for `images`, which any row with one is: that is for the user to say
    known = [kind for kind in offered() if kind != "images"]
    kinds = sorted(known, key=lambda kind: _PARTICULAR.get(kind, len(_PARTICULAR)))
    named = replace(columns, **_guessed(contents, columns))
    for each in (columns, named):
        counts = {kind: _count(contents, kind, each) for kind in kinds}
        best = max(counts, key=lambda kind: counts[kind])
        if counts[best]:
            return Layout(best, each)
    names = sorted({name for content in contents for name in content})
    raise UserError(
        f"{path} can be read as none of {', '.join(kinds)}: no row has a caption, questions or "
        f"chat turns in a column that is known; its columns are {', '.join(names) or 'none'}. "
        "Name them: --columns.caption NAME --columns.image NAME"
    )


def _count(rows: Iterable[Mapping[str, Any]], kind: str, columns: Columns) -> int:
    read = reader_of(kind)
    return sum(_parsed(row, read, columns) is not None for row in rows)


def _parsed(row: Mapping[str, Any], read: Any, columns: Columns) -> ParsedRow | None:
    try:
        parsed: ParsedRow = read(row, columns)
    except BadRowError:
        return None
    return parsed


def _guessed(rows: Sequence[Mapping[str, Any]], columns: Columns) -> dict[str, str]:
    """Names of the columns of image and caption, by what stands in them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    pictures = {name: sum(_is_picture(row.get(name)) for row in rows) for name in names}
    words = {name: sum(_words(row.get(name)) for row in rows) for name in names}
    found = {}
    image = max(names, key=lambda name: pictures[name], default="")
    if image and pictures[image] and columns.image is None:
        found["image"] = image
    texts = [name for name in names if not pictures[name]]
    caption = max(texts, key=lambda name: words[name], default="")
    if caption and words[caption] >= 3 * len(rows) and columns.caption is None:
        found["caption"] = caption
    return found


def _is_picture(cell: Any) -> bool:
    if isinstance(cell, StoredImage):
        return True
    if not isinstance(cell, str):
        return False
    return cell.casefold().endswith(_PICTURES) or from_base64(cell) is not None


def _words(cell: Any) -> int:
    return len(cell.split()) if isinstance(cell, str) else 0
