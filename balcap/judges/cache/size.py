"""How large is a file of answers?"""

from __future__ import annotations

from pathlib import Path


def bytes_of(path: Path) -> int:
    """With the journal beside it, which is a part of it; 0 where there is no file."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def in_megabytes(size: int) -> str:
    """Bytes in words: `1,234.5 MB`."""
    return f"{size / 1e6:,.1f} MB"
