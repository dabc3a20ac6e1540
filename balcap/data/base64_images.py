"""Is a text an image in base64, as tables of text and data URLs have it?"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from balcap.data.tables import StoredImage

_URL = re.compile(r"data:image/[\w.+-]+;base64,")
_BEGINNINGS = ("/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR")
"""Of JPEG, PNG, GIF and WebP."""
_SHORTEST = 64  # characters; ours: below what any image takes, above what a file is called
_TEXT = re.compile(r"[A-Za-z0-9+/\s]+=*\s*")


def from_base64(text: str) -> StoredImage | None:
    """The image that a text holds: a data URL, or base64 that begins as an image does. Else None.

    It is decoded when it is needed; broken base64 is then an image that cannot be read.
    """
    url = _URL.match(text)
    if url:
        return StoredImage(_Encoded(text[url.end() :]), 0, "image")
    is_long = len(text) >= _SHORTEST and text.startswith(_BEGINNINGS)
    if is_long and _TEXT.fullmatch(text):
        return StoredImage(_Encoded(text), 0, "image")
    return None


@dataclass(frozen=True, eq=False)
class _Encoded:
    """A table of one image."""

    text: str

    def __len__(self) -> int:
        return 1

    def read(self, start: int, stop: int) -> list[dict[str, Any]]:
        return [{"image": base64.b64decode(self.text)}][start:stop]
