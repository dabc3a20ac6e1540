"""Usable rows, as they come, into files from which samples are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as arrow

from balcap.data.kept import IDS, PICTURES, SAMPLES
from balcap.data.kept.packing import Packer
from balcap.data.row_check import Checked
from balcap.text import word_count

_ROWS = arrow.schema(
    {
        "body": arrow.binary(),
        "prompt": arrow.string(),
        "picture": arrow.string(),
        "content": arrow.binary(),
        "width": arrow.uint32(),
        "height": arrow.uint32(),
        "words": arrow.uint32(),
    }
)
_IDS = arrow.schema({"id": arrow.string(), "row": arrow.uint32()})
_AT_ONCE = 4096  # rows of a batch


class KeptWriter:
    """Writes a folder of `balcap.data.kept`; a context that closes its files.

    Args:
        draft: the folder, already made.
        root: folder that names of images are relative to.
    """

    def __init__(self, draft: Path, root: Path) -> None:
        self._draft = draft
        self._root = root
        self._pictures = (draft / PICTURES).open("wb")
        self._packer = Packer(self._pictures)
        self._writer = arrow.ipc.new_file(str(draft / SAMPLES), _ROWS)
        self._waiting: list[dict[str, Any]] = []

    def __enter__(self) -> KeptWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self._writer.close()
        self._pictures.close()

    def add(self, row: Checked) -> None:
        """Write the next usable row. Raises OSError if the disk is full."""
        assert row.parsed is not None
        width, height = row.look.size or (0, 0)
        image = row.image
        picture = image.relative_to(self._root).as_posix() if isinstance(image, Path) else None
        self._waiting.append(
            {
                "body": self._packer.pack(row),
                "prompt": row.parsed.prompt,
                "picture": picture,
                "content": row.look.content or None,
                "width": width,
                "height": height,
                "words": word_count(row.parsed.reference or ""),
            }
        )
        if len(self._waiting) >= _AT_ONCE:
            self._flush()

    def finish(self, chosen: list[tuple[str, int]]) -> None:
        """Write which rows are samples: id and place of each among the usable ones."""
        self._flush()
        columns = {
            "id": [name for name, _ in chosen],
            "row": [place for _, place in chosen],
        }
        with arrow.ipc.new_file(str(self._draft / IDS), _IDS) as writer:
            writer.write(arrow.record_batch(columns, _IDS))

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write(arrow.RecordBatch.from_pylist(self._waiting, _ROWS))
            self._waiting = []
