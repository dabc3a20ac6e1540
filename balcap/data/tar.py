"""Which rows are in a tar of WebDataset's layout, without holding its images?"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from balcap.data.tables import FilePart, StoredImage
from balcap.errors import UserError

IMAGES = ("jpg", "jpeg", "png", "webp", "gif", "bmp")
_TEXTS = ("json", "txt", "caption")


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in a tar: where its bytes begin, and how many there are."""

    start: int
    size: int


def read_tar(file: Path) -> Iterator[dict[str, Any]]:
    """Return a row for each sample: the files of one name up to its first dot (WebDataset).

    The row's `id` is that name, `image` the picture, `caption` what `.txt` or `.caption` says, and
    what a `.json` holds are further columns. Files of other suffixes are not read.

    Raises:
        UserError: if it is no tar, or a compressed one, in which no picture can be found without
            reading all before it.
    """
    samples: dict[str, dict[str, _Member]] = {}
    try:
        with tarfile.open(file, "r:") as archive:
            for entry in archive:
                if entry.isfile():
                    key, column = _split(entry.name)
                    samples.setdefault(key, {})[column] = _Member(entry.offset_data, entry.size)
    except tarfile.TarError as error:
        raise UserError(
            f"{file} is not a whole, uncompressed tar: {error}; unpack it once if it is compressed"
        ) from None
    # whoever opens an image may work in another folder by then: a worker of Ray
    table = _Tar(file.absolute(), tuple(samples.values()))
    return (_row(table, index, key) for index, key in enumerate(samples))


@dataclass(frozen=True, eq=False)
class _Tar:
    """The samples of a tar, each with its members by suffix; opened anew for every read, so that
    threads and processes do not share a position."""

    file: Path
    samples: tuple[Mapping[str, _Member], ...]

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, start: int, stop: int) -> list[dict[str, Any]]:
        with self.file.open("rb") as opened:
            return [
                {name: _content(opened, member) for name, member in sample.items()}
                for sample in self.samples[start:stop]
            ]

    def part(self, image: StoredImage) -> FilePart:
        """Where in the tar an image is."""
        member = self.samples[image.row][image.column]
        return FilePart(self.file, member.start, member.size, image.column)

    def texts(self, index: int) -> dict[str, bytes]:
        """What a row of this sample says, by suffix."""
        sample = self.samples[index]
        with self.file.open("rb") as opened:
            return {name: _content(opened, sample[name]) for name in _TEXTS if name in sample}


def _content(opened: Any, member: _Member) -> bytes:
    opened.seek(member.start)
    content: bytes = opened.read(member.size)
    return content


def _split(name: str) -> tuple[str, str]:
    """`a/b.c.txt` is the member `c.txt` of the sample `a/b`."""
    path = PurePosixPath(name)
    stem, _, suffix = path.name.partition(".")
    return (path.parent / stem).as_posix(), suffix.casefold()


def _row(table: _Tar, index: int, key: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, content in table.texts(index).items():
        text = content.decode("utf-8-sig", "replace").strip()
        row |= _object(text) if name == "json" else {"caption": text}
    row["id"] = key
    image = next((name for name in IMAGES if name in table.samples[index]), None)
    if image is not None:
        row["image"] = StoredImage(table, index, image)
    return row


def _object(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return {"json": text}
    return content if isinstance(content, dict) else {"json": content}
