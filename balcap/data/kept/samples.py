"""Samples that are made when they are asked for, from a file that is mapped into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from balcap.data.kept import IDS, PICTURES, SAMPLES
from balcap.data.kept.packing import unpack
from balcap.data.tables import SavedTable
from balcap.errors import UserError
from balcap.types import Sample


class KeptSamples(Sequence[Sample]):
    """Some of the samples in a folder of `balcap.data.kept`, in their order.

    A sample is made anew each time. What is pickled is where they are, and not what they say. What
    is needed of all samples is in columns, a cell a sample (`column`): `id`, `prompt`, `picture`
    (the image's name, null where it is in no file of its own), `content` (a digest of it, or null),
    `width` and `height` (pixels, 0 where unknown), `words` (of the reference, 0 where there is
    none).

    Args:
        folder: with the files.
        prompt: of samples that have none.
        saved: opens the data set in which images are, where they are in one.
    """

    def __init__(self, folder: Path, prompt: str, saved: Callable[[], SavedTable]) -> None:
        self._folder = folder
        self._rows = _mapped(folder / SAMPLES)
        self._ids = _mapped(folder / IDS)
        self._pictures = folder / PICTURES
        self._prompt = prompt
        self._saved = saved
        self._chosen = np.arange(len(self._ids))

    def __len__(self) -> int:
        return len(self._chosen)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self._folder, self._prompt, self._saved, self._chosen)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> KeptSamples: ...

    def __getitem__(self, index: int | slice) -> Sample | KeptSamples:
        if isinstance(index, slice):
            return self.of(np.arange(len(self))[index])
        place = int(self._chosen[index])
        body = self._rows["body"][self._ids["row"][place].as_py()].as_py()
        name = self._ids["id"][place].as_py()
        return unpack(body, name, self._prompt, self._pictures, self._saved)

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def of(self, places: npt.NDArray[np.int64]) -> KeptSamples:
        """Those at some places, in that order."""
        some = object.__new__(KeptSamples)  # what is mapped is shared
        vars(some).update(vars(self), _chosen=self._chosen[places])
        return some

    def column(self, name: str) -> Any:
        """A cell of each sample, as an array of Arrow's."""
        if name == "id":
            return self._ids["id"].take(self._chosen)
        cells = self._rows[name].take(self._ids["row"].take(self._chosen))
        return cells.fill_null(self._prompt) if name == "prompt" else cells

    def repeated(self, name: str) -> npt.NDArray[np.int64]:
        """The places whose cell in a column stands in another place too; null is no cell."""
        from pyarrow import compute

        cells = self.column(name)
        counts = compute.value_counts(cells)
        several = counts.field("values").filter(compute.greater(counts.field("counts"), 1))
        is_one = compute.is_in(cells, several.drop_null(), skip_nulls=True)
        return np.flatnonzero(is_one)


def _reopened(
    folder: Path,
    prompt: str,
    saved: Callable[[], SavedTable],
    places: npt.NDArray[np.int64],
) -> KeptSamples:
    """Samples in another process, or on another node that reaches the folder."""
    try:
        return KeptSamples(folder, prompt, saved).of(places)
    except OSError as error:
        raise UserError(
            f"the samples in {folder} cannot be read here ({error.strerror}); let BALCAP_CACHE "
            "name a folder that every node reaches"
        ) from error


def _mapped(file: Path) -> Any:
    """The table in a file; its pages are read when they are needed, and need no memory."""
    import pyarrow as arrow

    with arrow.memory_map(str(file)) as opened:
        return arrow.ipc.open_file(opened).read_all()
