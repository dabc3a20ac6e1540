"""Is a data set large enough to be kept, and what do its samples depend on?"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import PIL

from balcap.config import DataSettings
from balcap.data.formats import offered
from balcap.data.formats.images import pictures_in
from balcap.data.rows import files_of
from balcap.data.tables import saved_folder

KEPT_FROM = 2_000_000  # bytes; ours: about 10,000 rows of text, which take seconds to check
PICTURES_FROM = 10_000  # of a folder of pictures; ours


def key_of(
    kind: str, path: str, settings: DataSettings, root: Path, need_images: bool
) -> str | None:
    """What the samples of a file depend on, as 16 hexadecimal digits.

    None for data that are not kept: small ones, and `hf:NAME`, which may be another data set
    tomorrow. The images that rows name are not part of it; those of a folder of pictures are.

    Args:
        kind: of the data.
        path: of the file, or what stands in its place.
        settings: what else is set.
        root: folder that names of images are relative to.
        need_images: whether rows without an image are bad ones.
    """
    saved = saved_folder(path)
    if path.startswith("hf:") and saved is None:
        return None
    folder = Path(path).expanduser()
    if saved is not None:
        files = sorted(saved[0].rglob("*.*"))
    elif folder.is_dir():
        files = [folder / name for name in pictures_in(folder)]
    else:
        files = files_of(path)
    about = [(str(file.absolute()), file.stat()) for file in files]
    size = sum(stat.st_size for _, stat in about)
    if len(files) < PICTURES_FROM if folder.is_dir() and saved is None else size < KEPT_FROM:
        return None
    depends = {
        "path": path,
        "files": [(name, stat.st_size, stat.st_mtime_ns) for name, stat in about],
        "root": str(root),
        "columns": asdict(settings.columns),
        "check_images": settings.check_images,
        "duplicates": settings.duplicates,
        "need_images": need_images,
        "code": _code(kind),
        "pillow": PIL.__version__,
    }
    return hashlib.sha256(json.dumps(depends).encode()).hexdigest()[:16]


def _code(kind: str) -> str:
    """A digest of what reads rows: all of `balcap.data`, and the format's module."""
    here = Path(__file__).parents[1]
    module = import_module(offered()[kind].partition(":")[0])
    outside = [Path(module.__file__)] if module.__file__ else []
    found = hashlib.sha256(sys.version.encode())
    for file in (*sorted(here.rglob("*.py")), *outside):
        found.update(file.read_bytes())
    return found.hexdigest()
