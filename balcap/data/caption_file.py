"""Which captions does a file hold?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from balcap.data.row import Row
from balcap.data.rows import read_rows
from balcap.digest import sha256_of
from balcap.errors import UserError

IDS = ("id", "image_id", "image", "file_name")
"""Where a row may have its id, the best first: COCO's results are `{image_id, caption}`."""

SHARDS = "captions-*.parquet"
"""What `balcap caption --out` leaves in its folder."""


def from_file(file: Path, *, several: bool = False) -> dict[str, tuple[str, ...]]:
    """Captions of a file by id, in its order.

    Args:
        file: JSON `{id: caption}`, or rows with `caption` and an id, in whatever holds rows; COCO's
            results too; or a folder of `balcap caption --out`.
        several: whether an id may have more than one: rows of the same id, or a list.

    Rows that have an `error` in the place of a caption, as `balcap caption` writes for an image
    that cannot be used, are passed over.

    Raises:
        UserError: if it is not of that form.
    """
    found: dict[str, list[str]] = {}
    for row in read_rows(str(_of_folder(file))):
        if _has_none(row):
            continue
        name, texts = _read(row, file)
        captions = found.setdefault(name, [])
        captions += texts
        if len(captions) > 1 and not several:
            raise UserError(f"{file}:{row.number}: a second caption for {name!r}; expected one")
    return {name: tuple(captions) for name, captions in found.items()}


def digest_of(file: Path) -> str:
    """SHA-256 of a file of captions; of a folder's, those of its shards together."""
    shards = sorted(file.glob(SHARDS)) if file.is_dir() else [file]
    together = " ".join(map(sha256_of, shards))
    return hashlib.sha256(together.encode()).hexdigest()


def _of_folder(file: Path) -> Path:
    return file / SHARDS if file.is_dir() and any(file.glob(SHARDS)) else file


def _has_none(row: Row) -> bool:
    content = row.content if isinstance(row.content, Mapping) else {}
    return content.get("caption") is None and bool(content.get("error"))


def _read(row: Row, file: Path) -> tuple[str, tuple[str, ...]]:
    content = row.content if isinstance(row.content, Mapping) else {}
    cell = content.get("caption")
    texts = cell if isinstance(cell, list) else [cell]
    name = next((content[key] for key in IDS if content.get(key) is not None), None)
    if name is None or not texts or not all(isinstance(text, str) for text in texts):
        has = f"; it has {', '.join(content)}" if content else ""
        raise UserError(
            f"{file}:{row.number}: a row needs an id and a caption, as in "
            f'{{"id": "a", "caption": "A cat."}} or, for the whole file, {{"a": "A cat."}}{has}'
        )
    return str(name), tuple(texts)
