"""Which rows does a benchmark's published data have, and where is a row's image?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from balcap.data.images import Gallery
from balcap.data.parsed_rows import read_image
from balcap.data.row import BadRowError
from balcap.data.rows import read_rows
from balcap.data.tables import StoredImage, saved_folder
from balcap.errors import UserError

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(?:#[\w.-]+)?")


def read_dataset(data: str) -> list[Mapping[str, Any]]:
    """Every row of a local file, a saved data set, or a data set on the hub (`OWNER/NAME#SPLIT`).

    Raises:
        UserError: if there is nothing, or a row is no object.
    """
    if not data:
        raise UserError("no data; name the protocol's file, or a data set on the hub: --data DATA")
    rows = []
    for row in read_rows(_source(data)):
        if row.error or not isinstance(row.content, Mapping):
            raise UserError(f"{data}, row {row.number}: {row.error or 'is not an object'}")
        rows.append(row.content)
    return rows


def find_image(
    cell: Any, data: str, image_root: Path | None, *, judged: bool = False
) -> Path | StoredImage:
    """The image that a row names or holds; its name is relative to the root, or the data's folder.

    Args:
        cell: of the row.
        data: where the row is.
        image_root: the root.
        judged: whether the judge looks at it too, so that a file of captions is not enough.

    Raises:
        UserError: if there is none.
    """
    root = image_root or (Path(data).parent if Path(data).is_file() else Path.cwd())
    gallery = Gallery(root.expanduser().resolve(), "exists")
    try:
        found = gallery.find(read_image(cell))
    except BadRowError as error:
        hint = "the judge sees them too" if judged else "with --captions FILE none is needed"
        raise UserError(
            f"{data}: {error}; --image-root FOLDER says where the images are, and {hint}"
        ) from None
    assert found is not None
    return found


def _source(data: str) -> str:
    """As `read_rows` wants it: a name of the hub's form that is not here is meant there."""
    is_local = Path(data).expanduser().exists() or saved_folder(data) is not None
    return f"hf:{data}" if not is_local and _HUB_ID.fullmatch(data) else data
