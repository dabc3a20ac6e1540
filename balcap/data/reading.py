"""How are the rows of a file read and checked?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from balcap import distributed
from balcap.config import Columns
from balcap.data import compressed
from balcap.data.formats import reader_of
from balcap.data.formats.images import SUFFIXES, pictures_in
from balcap.data.images import Gallery
from balcap.data.row import Row
from balcap.data.row_check import Checked, check_rows
from balcap.data.rows import LINES, SEPARATORS, files_of, read_rows
from balcap.data.tables import dataset_of, saved_folder
from balcap.errors import UserError
from balcap.progress import Progress

_SHOWN_EVERY = 2000  # rows


@dataclass(frozen=True)
class Reading:
    """A file, and how it is read.

    Attributes:
        kind: of the data.
        path: of the file, or what stands in its place.
        names: of columns, where they are not the usual ones.
        gallery: the images.
        drop_duplicates: whether those are left out, instead of being bad rows.
        columns: names that rows have had so far.
    """

    kind: str
    path: str
    names: Columns
    gallery: Gallery
    drop_duplicates: bool
    columns: set[str] = field(default_factory=set)

    def checked(self, *, told: bool = False) -> Iterator[Checked]:
        """Read and check all rows, in their order.

        Args:
            told: whether a line says how far it is.

        Raises:
            UserError: if the file is missing, empty, of an unknown form, or broken as a whole.
        """
        parse = reader_of(self.kind)
        rows = check_rows(
            self._watched(self._rows()), lambda row: parse(row, self.names), self.gallery
        )
        return self._told(rows) if told and distributed.is_first() else rows

    def _rows(self) -> Iterable[Row]:
        """The rows of a file; of a folder of images, one each."""
        folder = Path(self.path).expanduser()
        if self.kind != "images" or not folder.is_dir() or saved_folder(self.path) is not None:
            return read_rows(self.path)
        names = pictures_in(folder)
        if not names:
            raise UserError(f"no image in {self.path}; looked for names in {', '.join(SUFFIXES)}")
        return (Row(number, {"image": name}) for number, name in enumerate(names, 1))

    def _watched(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on, and collect the names of their columns."""
        for row in rows:
            if isinstance(row.content, Mapping):
                self.columns.update(row.content)
            yield row

    def _told(self, rows: Iterable[Checked]) -> Iterator[Checked]:
        """Pass rows on, and say how far they are."""
        progress = Progress(f"rows of {self.path} checked", expected_rows(self.path))
        number = 0
        for number, row in enumerate(rows, 1):
            if number % _SHOWN_EVERY == 0:
                progress.show(number)
            yield row
        if number % _SHOWN_EVERY or progress.count != number:
            progress.count = number
            progress.show(number)
        progress.close()


def expected_rows(path: str) -> int | None:
    """About how many rows a file has, where that can be known without understanding them."""
    if saved_folder(path) is not None:
        return len(dataset_of(path))
    counts = [_count(file) for file in files_of(path)]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _count(file: Path) -> int | None:
    suffix = compressed.suffix_of(file)
    if compressed.is_compressed(file):
        return None
    if suffix == ".parquet":
        from pyarrow import parquet

        return int(parquet.read_metadata(file).num_rows)
    if suffix not in (*LINES, *SEPARATORS):
        return None
    with file.open("rb") as opened:
        return sum(block.count(b"\n") for block in iter(lambda: opened.read(1 << 20), b""))
