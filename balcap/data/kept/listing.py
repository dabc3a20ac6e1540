"""Which data are kept?"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from balcap.cache_folder import cache_folder
from balcap.data.kept import CHECKED


@dataclass(frozen=True)
class KeptData:
    """A data set that was checked.

    Attributes:
        folder: with its files.
        path: of the data, as the user named them.
        samples: how many there are.
        bytes: of the files in the folder.
        used: when it was last read, in seconds.
    """

    folder: Path
    path: str
    samples: int
    bytes: int
    used: float

    def delete(self) -> None:
        """Delete it. A process that reads it goes on with what it has mapped into memory, but for
        pictures."""
        shutil.rmtree(self.folder, ignore_errors=True)


def kept_data() -> list[KeptData]:
    """All that are kept, by their paths."""
    found = []
    for file in (cache_folder() / "data").glob(f"*/{CHECKED}"):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            size = sum(each.stat().st_size for each in file.parent.iterdir())
        except (OSError, ValueError):  # another process is at work on it
            continue
        used = file.parent.stat().st_mtime
        found.append(KeptData(file.parent, content["path"], content["rows"], size, used))
    return sorted(found, key=lambda each: each.path)
