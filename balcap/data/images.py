"""Where is a row's image, may it be read, and can it be?"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

from balcap.data.row import BadRowError
from balcap.data.tables import StoredImage
from balcap.types import Sample

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|data:")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Gallery:
    """The images of a data file.

    Attributes:
        root: folder that names are relative to, and that no name may leave; resolved. Links below
            it are followed wherever they lead: whoever keeps the folder has made them.
        check: decode every image (`full`), read its header (`header`), or only look whether it is
            there (`exists`).
        required: whether a row without an image, or with one that is not there, is a bad row.
    """

    root: Path
    check: Literal["full", "header", "exists"]
    required: bool = True

    def find(self, image: str | StoredImage | None) -> Path | StoredImage | None:
        """Return where the image is; None for none, where none is required.

        A name without a suffix also finds `NAME.jpg`, `.jpeg`, `.png` or `.webp`; what is not there
        is looked for with Windows' backslashes as slashes, without white space around the name, and
        with the suffix in lower and in upper case.

        Raises:
            BadRowError: if there is no such file, or its name leads out of the root (`..`, another
                folder), or is an address: balcap downloads no images.
        """
        if isinstance(image, StoredImage):
            return image
        try:
            return self._locate(image or "")
        except _AbsentError:
            if self.required:
                raise
            return None

    def _locate(self, name: str) -> Path:
        name = name.removeprefix("file://")
        if not name:
            raise _AbsentError("names no image")
        if "\0" in name:
            raise BadRowError(f"image {name!r:.80} is not the name of a file: it holds a NUL")
        if _ADDRESS.match(name):
            raise _AbsentError(
                f"image is an address, {name:.80}; balcap downloads no images: "
                "fetch it and name the file"
            )
        for written in _spellings(name):
            found = self._inside(written)
            if found and os.path.isfile(found):
                return Path(found)
        if os.path.isfile(os.path.join(self.root, name)):
            raise BadRowError(
                f"image {name!r:.80} is outside the image root {self.root}; set image_root "
                "to a folder that holds it"
            )
        raise _AbsentError(f"no image {name!r:.80} in {self.root}")

    def _inside(self, name: str) -> str:
        """Where a name of a file below the root is; empty for one that leads out of it.

        Strings, not paths: for 100,000 rows pathlib would take most of the time.
        """
        inside = os.path.join(self.root, "")
        found = os.path.normpath(os.path.join(self.root, name))
        if found.startswith(inside):
            return found
        # the whole name of a file below the root, by way of a link that leads to the root
        found = os.path.realpath(found)
        return found if found.startswith(inside) else ""

    def looks(self, pictures: Iterable[Path | StoredImage]) -> dict[Path | StoredImage, Look]:
        """What is seen of images; of files that are only to be there, nothing."""
        different = list(dict.fromkeys(pictures))
        if self.check == "exists":
            return {p: Look(content=digest(p)) for p in different if isinstance(p, StoredImage)}
        with ThreadPoolExecutor() as pool:
            seen = pool.map(lambda each: look(each, decode=self.check == "full"), different)
            return dict(zip(different, seen, strict=True))


class Look(NamedTuple):
    """What is seen of an image when it is checked.

    Attributes:
        fault: why it cannot be used; empty if it can.
        size: width and height in pixels; None where it has a fault.
        content: 16 bytes of the SHA-256 of its file; empty where that was not read whole.
    """

    fault: str = ""
    size: tuple[int, int] | None = None
    content: bytes = b""


def _spellings(name: str) -> Iterator[str]:
    """The name, and what else may be meant by it; the first that is there counts."""
    yield name
    for written in dict.fromkeys((name, name.strip().replace("\\", "/"))):
        stem, suffix = os.path.splitext(written)
        yield from (written, stem + suffix.lower(), stem + suffix.upper())
        if not suffix:
            yield from (written + each for each in (*_SUFFIXES, *map(str.upper, _SUFFIXES)))


class _AbsentError(BadRowError):
    """There is no image to be read, and a row that needs none may do without it."""


def look(picture: Path | StoredImage, *, decode: bool) -> Look:
    """Read an image's header, or all of it.

    An image of more than twice `PIL.Image.MAX_IMAGE_PIXELS` pixels is a decompression bomb to
    Pillow, and has a fault.

    Args:
        picture: where it is.
        decode: whether its pixels are decoded. Its content is read whole then, and also where it is
            in a table.
    """
    import PIL.Image

    name = picture.name if isinstance(picture, Path) else f"in column {picture.column!r}"
    try:
        content: bytes | None = None
        source: Path | io.BytesIO
        if isinstance(picture, Path) and not decode:
            source = picture
        else:
            content = picture.read_bytes() if isinstance(picture, Path) else picture.data()
            source = io.BytesIO(content)
        with PIL.Image.open(source) as opened:
            size = opened.size
            if decode:
                opened.load()
    except PIL.Image.DecompressionBombError as error:
        return Look(f"image {name} is too large: {error}")
    except PIL.UnidentifiedImageError:  # whose message has an address in memory
        return Look(f"image {name} cannot be read: it is of no format that Pillow knows")
    except Exception as error:  # Pillow's decoders raise whatever the broken bytes led them to
        return Look(f"image {name} cannot be read: {type(error).__name__}: {error}")
    return Look("", size, b"" if content is None else sha256(content).digest()[:16])


def header_size(sample: Sample) -> tuple[int, int] | None:
    """Width and height of a sample's image, in a file or in a table, from its header; None where
    that says nothing."""
    import PIL.Image

    image = sample.image
    if not isinstance(image, Path | StoredImage):
        return None
    try:
        source = image if isinstance(image, Path) else io.BytesIO(image.data())
        with PIL.Image.open(source) as opened:
            return opened.size
    except (OSError, ValueError, PIL.Image.DecompressionBombError):
        return None


def digest(image: object) -> bytes:
    """16 bytes of the SHA-256 of an image's file, or of what a table holds of it; none for one that
    is neither, or cannot be read."""
    try:
        if isinstance(image, Path):
            return sha256(image.read_bytes()).digest()[:16]
        if isinstance(image, StoredImage):
            return sha256(image.data()).digest()[:16]
    except (OSError, ValueError):  # ValueError: base64 that is none
        pass
    return b""
