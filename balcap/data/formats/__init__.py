"""Which file formats are there? One line each; imports none of them.

Each is a function `parse_row(row, columns) -> ParsedRow` for one row of the file, whatever
container the rows come in. Another package offers its own under the entry points
`balcap.data_formats`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from balcap.data.checks import Reader

_HERE = "balcap.data.formats"

FORMATS = {
    "conversations": f"{_HERE}.conversations:parse_row",
    "records": f"{_HERE}.records:parse_row",
    "caption-qa": f"{_HERE}.caption_qa:parse_row",
    "images": f"{_HERE}.images:parse_row",
}


def offered() -> dict[str, str]:
    """`package.module:function` of every format, by the KIND of `--data KIND:PATH`."""
    outside = {point.name: point.value for point in entry_points(group="balcap.data_formats")}
    return outside | FORMATS


def reader_of(kind: str) -> Reader:
    """The function that parses a row of that kind of file."""
    module, _, name = offered()[kind].partition(":")
    found: Reader = getattr(import_module(module), name)
    return found
