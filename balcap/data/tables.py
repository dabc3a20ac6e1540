"""Which rows are in a Parquet file or a Hugging Face data set, without holding its images?"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from balcap.errors import UserError, did_you_mean
from balcap.rgb import to_rgb

if TYPE_CHECKING:
    from PIL.Image import Image

_AT_ONCE = 64  # rows in memory at a time: their images may have megabytes each


class Table(Protocol):
    """Rows that can be read by their place."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def read(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Return rows `start` to `stop`, their cells by column, images as bytes."""
        ...


@dataclass(frozen=True, eq=False)
class StoredImage:
    """An image inside a table: read when it is needed, so that only one is in memory.

    Attributes:
        table: where it is.
        row: its row, counted from 0.
        column: its column.
        place: its place in the cell's list; None if the cell is no list.
    """

    table: Table
    row: int
    column: str
    place: int | None = None

    def data(self) -> bytes:
        """Return the encoded file, such as a JPEG."""
        cell = self.table.read(self.row, self.row + 1)[0][self.column]
        image = cell if self.place is None else cell[self.place]
        data = image["bytes"] if isinstance(image, Mapping) else image
        assert isinstance(data, bytes)
        return data

    def render(self) -> Image:
        """Decode the picture (RGB)."""
        import PIL.Image

        with PIL.Image.open(io.BytesIO(self.data())) as picture:
            return to_rgb(picture)


@dataclass(frozen=True, eq=False)
class FilePart:
    """A table of one image: some bytes of a file, opened anew for every read, so that threads and
    processes do not share a position."""

    file: Path
    start: int
    size: int
    column: str

    def __len__(self) -> int:
        return 1

    def read(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Its bytes, in its column."""
        with self.file.open("rb") as opened:
            opened.seek(self.start)
            return [{self.column: opened.read(self.size)}][start:stop]

    def part(self, image: StoredImage) -> FilePart:
        """Where an image is: here."""
        return self


def read_parquet(file: Path) -> Iterator[dict[str, Any]]:
    """Return the rows of one Parquet file, a few at a time. Raises UserError if it is none."""
    import pyarrow
    from pyarrow import parquet

    try:
        about = parquet.read_metadata(file)
        for group in range(about.num_row_groups):
            # opened anew for each: a file that stays open keeps what was read of it
            with parquet.ParquetFile(file, metadata=about, memory_map=True) as opened:
                for batch in opened.iter_batches(_AT_ONCE, row_groups=[group]):
                    yield from _rows(_Batch(batch))
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{file} is not a Parquet file: {error}") from None


def saved_folder(path: str) -> tuple[Path, str] | None:
    """Return folder and split of `FOLDER` or `FOLDER#SPLIT`, if datasets.save_to_disk wrote it."""
    named = path.removeprefix("hf:")
    before, _, split = named.rpartition("#")
    for name, its_split in ((named, ""), (before, split)):
        folder = Path(name).expanduser()
        marks = ("dataset_dict.json", "state.json")
        if name and any((folder / mark).is_file() for mark in marks):
            return folder, its_split
    return None


def read_dataset(path: str) -> Iterator[dict[str, Any]]:
    """Return the rows of what `dataset_of` loads, images of theirs as `StoredImage`."""
    return _rows(dataset_of(path))


def dataset_of(path: str) -> SavedTable:
    """Load `hf:NAME` or a saved folder, either with `#SPLIT`.

    Without `#SPLIT`: the split `train`, or the only one. `hf:NAME` is a data set on the hub or a
    folder of data files; the datasets library may download it, but never an image by its address.

    Raises:
        UserError: if it cannot be loaded or has no such split.
    """
    import datasets

    saved = saved_folder(path)
    name, _, split = path.removeprefix("hf:").partition("#")
    try:
        if saved is not None:
            split = saved[1]
            loaded = datasets.load_from_disk(str(saved[0]))
        else:
            loaded = datasets.load_dataset(name)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise UserError(
            f"cannot load data set {path!r}: {error}; check the name and the connection to the "
            "hub, or save it once with datasets.save_to_disk and name that folder"
        ) from None
    return SavedTable(_choose(loaded, path, split).with_format("arrow"))


def _choose(loaded: Any, path: str, split: str) -> Any:
    if not isinstance(loaded, Mapping):
        if split:
            raise UserError(f"data set {path!r} has no splits; leave out #{split}")
        return loaded
    wanted = split or ("train" if "train" in loaded or len(loaded) > 1 else next(iter(loaded)))
    if wanted not in loaded:
        raise UserError(
            f"data set {path!r} has no split {wanted!r}; have {', '.join(loaded)}"
            f"{did_you_mean(wanted, loaded)}; name one as {path.partition('#')[0]}#SPLIT"
        )
    return loaded[wanted]


@dataclass(frozen=True, eq=False)
class _Batch:
    """A few rows of a Parquet file, in memory."""

    rows: Any

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def read(self, start: int, stop: int) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.rows.slice(start, stop - start).to_pylist()
        return rows


@dataclass(frozen=True, eq=False)
class SavedTable:
    """The rows of a data set of the datasets library, which maps its files into memory."""

    dataset: Any

    def __len__(self) -> int:
        return len(self.dataset)

    def read(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Rows by their place."""
        rows: list[dict[str, Any]] = self.dataset[start:stop].to_pylist()
        return rows


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    for start in range(0, len(table), _AT_ONCE):
        for index, row in enumerate(table.read(start, min(start + _AT_ONCE, len(table))), start):
            yield {name: _without_bytes(cell, table, index, name) for name, cell in row.items()}


def _without_bytes(cell: Any, table: Table, row: int, column: str) -> Any:
    """Put a StoredImage in the place of an encoded image, or of each in a list."""
    if _holds_bytes(cell):
        return StoredImage(table, row, column)
    if isinstance(cell, list) and any(_holds_bytes(each) for each in cell):
        return [
            StoredImage(table, row, column, place) if _holds_bytes(each) else each
            for place, each in enumerate(cell)
        ]
    return cell


def _holds_bytes(cell: Any) -> bool:
    return isinstance(cell.get("bytes") if isinstance(cell, Mapping) else cell, bytes)
