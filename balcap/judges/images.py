"""How does a judge get an image? Opened once, named by its content, shrunk to what is allowed."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

    from balcap.types import Sample

MAX_PIXELS = 1003520  # what JudgeSettings.max_pixels is where it is not given
KEPT = 256  # encoded images, about 0.2 MB each: those of a step are asked about many times


class Picture:
    """The image of a sample, for judges. Two pictures of the same content are equal.

    Args:
        sample: with an image.

    Raises:
        ValueError: if the sample has none.
    """

    def __init__(self, sample: Sample) -> None:
        if sample.image is None:
            raise ValueError(f"sample {sample.id!r} has no image")
        self._sample = sample

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the image file, or of the pixels of one that renders itself."""
        image = self._sample.image
        if isinstance(image, Path):
            return hashlib.sha256(image.read_bytes()).hexdigest()
        drawn = self.open()
        return hashlib.sha256(f"{drawn.size}".encode() + drawn.tobytes()).hexdigest()

    def open(self) -> Image:
        """The image, RGB."""
        return self._sample.open_image()

    def png(self, max_pixels: int) -> bytes:
        """The image as a PNG of at most that many pixels, its shape kept."""
        key = (self.digest, max_pixels)
        with _lock:
            if key in _encoded:
                _encoded.move_to_end(key)
                return _encoded[key]
        written = _png(shrunk(self.open(), max_pixels))
        with _lock:
            _encoded[key] = written
            while len(_encoded) > KEPT:
                _encoded.popitem(last=False)
        return written

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


_encoded: OrderedDict[tuple[str, int], bytes] = OrderedDict()
_lock = threading.Lock()


def shrunk(image: Image, max_pixels: int) -> Image:
    """The image itself, or a smaller one of at most that many pixels (each side at least 1)."""
    width, height = image.size
    if width * height <= max_pixels:
        return image
    scale = sqrt(max_pixels / (width * height))
    high = min(max(1, int(height * scale)), max_pixels)
    return image.resize((min(max(1, int(width * scale)), max_pixels // high), high))


def _png(image: Image) -> bytes:
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()
