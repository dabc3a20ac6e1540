"""How does a row that need say no more than which image it is become a `ParsedRow`?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from balcap.config import Columns
from balcap.data.parsed_rows import Cells, ParsedRow

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")


def parse_row(row: Mapping[str, Any], columns: Columns) -> ParsedRow:
    """Read a row whose caption, facts and questions may all be missing: for what is to be written.

    The path may also be a folder: every picture in it and below is a row, in the order of their
    names, which are their ids. Known by their suffixes: jpg, jpeg, png, webp, gif, bmp, tif, tiff.

    Raises:
        BadRowError: if something that is there is malformed.
    """
    cells = Cells(row, columns)
    return cells.parsed_row(cells.prompt(), cells.caption())


def pictures_in(folder: Path) -> list[str]:
    """Names of the pictures in a folder and below, relative to it, sorted; none that are hidden."""
    found = (file.relative_to(folder) for file in folder.rglob("*"))
    return sorted(
        str(file)
        for file in found
        if file.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in file.parts)
        and (folder / file).is_file()
    )
