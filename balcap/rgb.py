"""How does any image become the RGB picture that policy, judge and report all see?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

_ORIENTATION = 0x0112  # EXIF
_DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N")
_ALPHA = ("RGBA", "RGBa", "LA", "La", "PA")


def to_rgb(image: Image) -> Image:
    """Return the first frame upright, on white, with 8 bits a channel.

    - turned as its EXIF orientation says, as every viewer does;
    - what is transparent shows white, as the models' own code has it: black text on a clear ground
      would otherwise be a black image;
    - 16 bits are scaled to 8, where Pillow would clip them to white;
    - grey, palettes and CMYK are converted.
    """
    from PIL import Image as Pillow
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode in _DEEP:
        return _eight_bits(upright).convert("RGB")
    if not is_transparent(upright):
        return upright.convert("RGB")
    layer = upright.convert("RGBA")
    white = Pillow.new("RGBA", layer.size, "white")
    return Pillow.alpha_composite(white, layer).convert("RGB")


def is_plain(image: Image) -> bool:
    """Whether `to_rgb` only converts colours: one upright frame, nothing transparent, 8 bits. From
    the header alone."""
    return (
        image.mode not in _DEEP
        and not is_transparent(image)
        and getattr(image, "n_frames", 1) == 1
        and image.getexif().get(_ORIENTATION, 1) == 1
    )


def is_transparent(image: Image) -> bool:
    """Whether some of it may be transparent."""
    return image.mode in _ALPHA or "transparency" in image.info


def _eight_bits(image: Image) -> Image:
    """Values of 16 bits as the nearest of 8; smaller ones, whose mode only says 16, as they are."""
    import numpy as np
    from PIL import Image as Pillow

    values = np.asarray(image, dtype=np.int64)
    if values.max(initial=0) > 255:
        values = (values + 128) // 257
    return Pillow.fromarray(values.clip(0, 255).astype(np.uint8))
