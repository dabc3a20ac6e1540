"""Which id does each row of a file get?"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from balcap.data.parsed_rows import ParsedRow
from balcap.data.row import Place


class Names:
    """The ids of a file's rows, whatever their order.

    It is the row's own, else the image's name; with a digest of what the row says where rows of
    that name say different things, as in LLaVA's instructions, which ask several things about an
    image under one id. Where there is neither it is the row's number.

    Of a million rows it takes about 300 MB.
    """

    def __init__(self) -> None:
        self._names: list[str] = []  # of usable rows, as are those that follow
        self._said = array("L")
        self._files: list[str] = []
        self._file_of = array("L")
        self._numbers = array("L")
        self._first: dict[str, int] = {}  # of all rows: what the first one of the name says
        self._several: set[str] = set()

    def add(
        self, place: Place, parsed: ParsedRow, content: bytes = b"", *, usable: bool = True
    ) -> None:
        """Add the next row.

        Args:
            place: where it stands.
            parsed: what it says.
            content: a digest of its image, where that has no name; empty if it is not known.
            usable: whether it is to have an id; one that is not shows all the same that rows of its
                name say different things.
        """
        name, said = _name(place, parsed), _digest(parsed, content)
        if self._first.setdefault(name, said) != said:
            self._several.add(name)
        if not usable:
            return
        if not self._files or self._files[-1] != place.file:
            self._files.append(place.file)
        self._names.append(name)
        self._said.append(said)
        self._file_of.append(len(self._files) - 1)
        self._numbers.append(place.number)

    def settle(self) -> Iterator[tuple[int, str, Place | None]]:
        """For each usable row: its place among them, from 0; its id; and where the row of that id
        stands that comes before it. That one says the same, so that this one may be left out."""
        taken: dict[str, int] = {}
        for index, (name, said) in enumerate(zip(self._names, self._said, strict=True)):
            name = f"{name}#{said:08x}" if name in self._several else name
            first = taken.setdefault(name, index)
            yield index, name, None if first == index else self.place(first)

    def place(self, index: int) -> Place:
        """Where a usable row stands."""
        return Place(self._files[self._file_of[index]], self._numbers[index])


def _name(place: Place, parsed: ParsedRow) -> str:
    if parsed.id is not None:
        return parsed.id
    if isinstance(parsed.image, str):
        return parsed.image
    # without the folder: the same id wherever the data are kept
    return f"row-{place.number}" + (f"-of-{Path(place.file).name}" if place.file else "")


def _digest(parsed: ParsedRow, content: bytes) -> int:
    """Four bytes of what a row says, its image included where the name is not the image's."""
    said: tuple[object, ...] = (parsed.prompt, parsed.reference, parsed.facts, parsed.questions)
    if parsed.id is not None and isinstance(parsed.image, str):
        said = (*said, parsed.image)
    elif content:
        said = (*said, content)
    return int.from_bytes(sha256(repr(said).encode()).digest()[:4], "big")
