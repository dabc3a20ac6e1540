"""A usable row -> bytes -> a sample. Images are named by where they are, and not carried along."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from balcap.data.row_check import Checked
from balcap.data.tables import FilePart, SavedTable, StoredImage
from balcap.types import Sample

_KEPT = ""  # the name of the packer's own file, which may be moved


class Packer:
    """Packs rows.

    Args:
        pictures: the file that takes images which nothing else keeps, from its beginning on.
    """

    def __init__(self, pictures: IO[bytes]) -> None:
        self._pictures = pictures

    def pack(self, row: Checked) -> bytes:
        """What a sample is made of, but for its id. Raises OSError if the disk is full."""
        parsed = row.parsed
        assert parsed is not None
        image = str(row.image) if isinstance(row.image, Path) else row.image
        said = (parsed.reference, parsed.facts, parsed.questions, parsed.metadata)
        packed = io.BytesIO()
        pickler = pickle.Pickler(packed, pickle.HIGHEST_PROTOCOL)
        pickler.persistent_id = self._name  # type: ignore[method-assign]
        pickler.dump((parsed.prompt, image, *said))
        return packed.getvalue()

    def _name(self, part: Any) -> tuple[Any, ...] | None:
        """How an image is called in what is packed; None for all else, which is packed itself."""
        if not isinstance(part, StoredImage):
            return None
        if isinstance(part.table, SavedTable):
            return (part.row, part.column, part.place)
        if hasattr(part.table, "part"):
            found = part.table.part(part)
            return (str(found.file.absolute()), found.start, found.size, part.column)
        try:
            content = part.data()
        except ValueError:  # base64 that is none, where no image is looked at
            content = b""
        start = self._pictures.tell()
        self._pictures.write(content)
        return (_KEPT, start, len(content), part.column)


def unpack(
    packed: bytes, name: str, prompt: str, pictures: Path, saved: Callable[[], SavedTable]
) -> Sample:
    """Make a sample.

    Args:
        packed: by a `Packer`.
        name: its id.
        prompt: of rows that have none.
        pictures: the file that the packer wrote images to.
        saved: opens the data set that the rows were read from, if it is of the datasets library.
    """

    def image_of(where: tuple[Any, ...]) -> StoredImage:
        if len(where) == 3:
            return StoredImage(saved(), *where)
        file, start, size, column = where
        path = pictures if file == _KEPT else Path(file)
        return StoredImage(FilePart(path, start, size, column), 0, column)

    unpickler = pickle.Unpickler(io.BytesIO(packed))
    unpickler.persistent_load = image_of  # type: ignore[method-assign]
    asked, image, reference, facts, questions, metadata = unpickler.load()
    return Sample(
        id=name,
        prompt=asked or prompt,
        image=Path(image) if isinstance(image, str) else image,
        reference=reference,
        facts=facts,
        questions=questions,
        metadata=metadata,
    )
