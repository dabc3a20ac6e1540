"""How does the result name its images, so that it can be read without another setting?

OUT/images      a link to the folder that the data's image names are relative to
OUT/pictures    files of images that were none: drawn, or inside a table
"""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

from balcap.atomic import atomic_write
from balcap.data.tables import StoredImage
from balcap.types import Sample


class Pictures:
    """The images of a result.

    Args:
        out: its folder.
        root: folder that the data's image names are relative to.
    """

    def __init__(self, out: Path, root: Path) -> None:
        self._out = out
        self._root = root

    def name(self, sample: Sample) -> str:
        """The image's name for a row, relative to the folder; makes link or file where missing."""
        if isinstance(sample.image, Path) and sample.image.is_relative_to(self._root):
            self._link()
            return f"images/{sample.image.relative_to(self._root)}"
        content, suffix = _content(sample)
        file = self._out / "pictures" / (_file_name(sample.id) + suffix)
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            with atomic_write(file) as draft:
                draft.write(content)
        return f"pictures/{file.name}"

    def _link(self) -> None:
        link = self._out / "images"
        if link.is_symlink() and link.readlink() != self._root:
            link.unlink()
        if not link.is_symlink():
            link.symlink_to(self._root, target_is_directory=True)


def _content(sample: Sample) -> tuple[bytes, str]:
    """An image as a file, with its suffix: as it lies in a table, else as a PNG."""
    import PIL.Image

    if isinstance(sample.image, StoredImage):
        content = sample.image.data()
        with PIL.Image.open(io.BytesIO(content)) as opened:
            return content, f".{(opened.format or 'png').lower()}"
    file = io.BytesIO()
    sample.open_image().save(file, format="PNG")
    return file.getvalue(), ".png"


def _file_name(name: str) -> str:
    """A sample's id as the name of a file; ids that are no such name get a digest."""
    plain = re.sub(r"[^\w.-]", "_", name)[:80].lstrip(".")
    if plain == name:
        return plain
    return f"{plain}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
