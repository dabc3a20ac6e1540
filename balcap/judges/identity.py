"""Whose answers are these? The name under which a judge's answers are kept and found again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from balcap.config import JudgeSettings
from balcap.judges.images import MAX_PIXELS


def identity_of(model: str, settings: JudgeSettings) -> Mapping[str, Any]:
    """The identity of a judge: its model's name, and how large the images are that it sees.

    Nothing about where or how it is asked, so that a replay finds what a server answered, and so
    does a run on another server, device or number format.
    """
    return {"model": model, "max_pixels": settings.max_pixels or MAX_PIXELS}


def versioned(path: Path, name: str | None = None) -> str:
    """A name for what a file or folder holds now: `reader@1a2b3c4d`.

    Of a file the content counts; of weights, which may be large, a folder's or a GGUF file's, the
    files' names, sizes and times. So what other weights answered under the same name is never taken
    for theirs.

    Args:
        path: the file or folder.
        name: what to call it; default: its own name.
    """
    if path.is_file() and path.suffix != ".gguf":
        content = path.read_bytes()
    else:
        files = [path] if path.is_file() else sorted(f for f in path.iterdir() if f.is_file())
        stats = [(file.name, file.stat()) for file in files]
        content = repr([(file, s.st_size, s.st_mtime_ns) for file, s in stats]).encode()
    return f"{name or path.resolve().name}@{hashlib.sha256(content).hexdigest()[:8]}"
