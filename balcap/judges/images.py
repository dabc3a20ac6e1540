"""How does a judge get an image? Opened once, named by its content, shrunk to what is allowed."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from balcap.errors import UnreadableImageError
from balcap.rgb import is_plain

if TYPE_CHECKING:
    from PIL.Image import Image

    from balcap.types import Sample

MAX_PIXELS = 1003520  # what JudgeSettings.max_pixels is where it is not given
KEPT = 256 * 2**20  # bytes of data URLs: the images of a step are asked about many times
QUALITY = 95  # of the JPEG where an image's own file cannot be sent; ours
_SENT_AS_THEY_ARE = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


class Picture:
    """The image of a sample, for judges. Two pictures of the same content are equal.

    Args:
        sample: with an image.

    Raises:
        ValueError: if the sample has none.
        UnreadableImageError: from what reads it, if it is gone or cannot be decoded.
    """

    def __init__(self, sample: Sample) -> None:
        if sample.image is None:
            raise ValueError(f"sample {sample.id!r} has no image")
        self._sample = sample

    @property
    def sample(self) -> Sample:
        """Whose image it is: for judges that are functions, and know more than its pixels."""
        return self._sample

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the image file, or of the pixels of one that renders itself.

        Of a file that is turned, put on white or scaled before it is seen (`balcap.rgb`) it is
        another one: what was once asked about it unturned is not taken for an answer.
        """
        image = self._sample.image
        if isinstance(image, Path):
            content = self._read(image)
            found = hashlib.sha256(content)
            if not _own_form(content).plain:
                found.update(b"as balcap.rgb shows it")
            return found.hexdigest()
        drawn = self.open()
        return hashlib.sha256(f"{drawn.size}".encode() + drawn.tobytes()).hexdigest()

    def _read(self, file: Path) -> bytes:
        try:
            return file.read_bytes()
        except OSError as error:
            reason = f"{type(error).__name__}: {error}"
            raise UnreadableImageError(self._sample.id, reason) from error

    def open(self) -> Image:
        """The image, RGB."""
        return self._sample.open_image()

    def data_url(self, max_pixels: int) -> str:
        """The image in a `data:` URL, of at most that many pixels, its shape kept.

        A JPEG, PNG or WebP that is small enough, upright and not transparent is sent as its file
        is; any other image as a JPEG. Each is made once, whoever asks meanwhile.
        """
        return _urls.get((self.digest, max_pixels), lambda: self._data_url(max_pixels))

    def _data_url(self, max_pixels: int) -> str:
        image = self._sample.image
        if isinstance(image, Path):
            content = self._read(image)
            form = _own_form(content)
            if form.mime and form.plain and form.pixels <= max_pixels:
                return _url(form.mime, content)
        file = io.BytesIO()
        shrunk(self.open(), max_pixels).save(file, format="JPEG", quality=QUALITY)
        return _url("image/jpeg", file.getvalue())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True)
class _Form:
    """What the header of an image file says.

    Attributes:
        mime: its type, where servers take it; else empty.
        plain: whether it is seen as it is stored; see `rgb.is_plain`.
        pixels: width times height.
    """

    mime: str = ""
    plain: bool = True
    pixels: int = 0


def _own_form(content: bytes) -> _Form:
    """Of a file that is no image: an empty one; opening it says what is wrong."""
    from PIL import Image as Pillow

    try:
        with Pillow.open(io.BytesIO(content)) as image:
            mime = (
                _SENT_AS_THEY_ARE.get(image.format or "", "") if image.mode in ("RGB", "L") else ""
            )
            return _Form(mime, is_plain(image), image.width * image.height)
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError):
        return _Form()


class _Memo:
    """Data URLs by what they show. Made once each, at most `KEPT` bytes of them kept."""

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[str, int], Future[str]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int], make: Callable[[], str]) -> str:
        """The one that is kept, or that another thread is making, or a new one."""
        with self._lock:
            known = self._made.get(key)
            if known is None:
                mine = self._made[key] = Future[str]()
            else:
                self._made.move_to_end(key)
        if known is not None:
            return known.result()
        try:
            mine.set_result(made := make())
        except BaseException as error:
            with self._lock:
                del self._made[key]
            mine.set_exception(error)
            raise
        with self._lock:
            self._bytes += len(made)
            self._forget_the_oldest()
        return made

    def _forget_the_oldest(self) -> None:
        done = [key for key, future in self._made.items() if future.done()]
        for key in done[:-1]:
            if self._bytes <= KEPT:
                return
            self._bytes -= len(self._made.pop(key).result())


_urls = _Memo()


def _url(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def shrunk(image: Image, max_pixels: int) -> Image:
    """The image itself, or a smaller one of at most that many pixels (each side at least 1)."""
    width, height = image.size
    if width * height <= max_pixels:
        return image
    scale = sqrt(max_pixels / (width * height))
    high = min(max(1, int(height * scale)), max_pixels)
    return image.resize((min(max(1, int(width * scale)), max_pixels // high), high))
