"""How does a picture travel inside an HTML page?"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = 360  # pixels; a thumbnail is shown at half of that, for dense screens


def thumbnail(image: Image) -> str:
    """An image as a data URI, at most LONGEST_SIDE pixels wide and high."""
    small = image.copy()
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    file = io.BytesIO()
    if small.size == image.size:  # was small before, such as a rendered scene: kept exactly
        small.save(file, format="PNG", optimize=True)
        return data_uri("image/png", file.getvalue())
    small.convert("RGB").save(file, format="JPEG", quality=82)
    return data_uri("image/jpeg", file.getvalue())


def data_uri(kind: str, content: bytes) -> str:
    """A file as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
