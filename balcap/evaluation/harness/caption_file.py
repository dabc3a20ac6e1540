"""Which captions does a file hold?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from balcap.data.rows import Row, read_rows
from balcap.errors import UserError


def from_file(file: Path, *, several: bool = False) -> dict[str, tuple[str, ...]]:
    """Captions of a file by id, in its order.

    Args:
        file: JSON `{id: caption}`, or JSONL, JSON or Parquet rows with `id` and `caption`.
        several: whether an id may have more than one: rows of the same id, or a list.

    Raises:
        UserError: if it is not of that form.
    """
    found: dict[str, list[str]] = {}
    for row in read_rows(str(file)):
        name, texts = _read(row, file)
        captions = found.setdefault(name, [])
        captions += texts
        if len(captions) > 1 and not several:
            raise UserError(f"{file}:{row.number}: a second caption for {name!r}; expected one")
    return {name: tuple(captions) for name, captions in found.items()}


def _read(row: Row, file: Path) -> tuple[str, tuple[str, ...]]:
    content = row.content
    cell = content.get("caption") if isinstance(content, Mapping) else None
    texts = cell if isinstance(cell, list) else [cell]
    if not texts or not all(isinstance(text, str) for text in texts) or "id" not in content:
        raise UserError(
            f"{file}:{row.number}: a row needs an id and a caption, as in "
            '{"id": "a", "caption": "A cat."} or, for the whole file, {"a": "A cat."}'
        )
    return str(content["id"]), tuple(texts)
