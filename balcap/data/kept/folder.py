"""The kept samples of a file: found, or checked and written by the first process that asks."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from balcap.cache_folder import cache_folder
from balcap.data.images import Gallery
from balcap.data.kept import CHECKED
from balcap.data.kept.writing import KeptWriter
from balcap.data.reading import Reading
from balcap.data.row import BadRowError, Place
from balcap.data.settled import BadRow, settle


@dataclass(frozen=True)
class Kept:
    """Checked data.

    Attributes:
        folder: with the files that `KeptSamples` reads.
        bad: the rows that are left out.
        columns: names that rows have.
        before: when they were checked, in an earlier start; empty in this one.
    """

    folder: Path
    bad: list[BadRow]
    columns: set[str]
    before: str = ""


def kept(key: str, reading: Reading) -> Kept:
    """Find checked data, or check and keep them.

    One process checks; others that ask for the same wait for it. What is there already is found in
    a folder that cannot be written, too.

    Args:
        key: of the data (`key_of`).
        reading: how they are read.

    Raises:
        OSError: if the folder cannot be written.
        UserError: if the data cannot be read.
    """
    place = cache_folder() / "data" / key
    found = _found(place, reading.gallery)
    if found is None:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _alone(place.with_suffix(".lock")):
            found = _found(place, reading.gallery)
            if found is None:
                return _checked(place, reading)
    with suppress(OSError):
        os.utime(place)  # when it was last used
    return found


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep other processes out; on a file system without locks, nobody."""
    with lock.open("a") as file:
        with suppress(OSError):  # each then writes a draft of its own
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _found(place: Path, gallery: Gallery) -> Kept | None:
    """What is kept there; None for nothing, or if an image that had a fault has changed since."""
    try:
        content = json.loads((place / CHECKED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    bad = [BadRow(Place(file, number), why, image) for file, number, why, image in content["bad"]]
    if any(_mended(each.image, gallery, content["seconds"]) for each in bad if each.image):
        return None
    checked = datetime.fromtimestamp(content["seconds"]).strftime("%Y-%m-%d %H:%M")
    return Kept(place, bad, set(content["columns"]), checked)


def _mended(image: str, gallery: Gallery, checked: float) -> bool:
    """Whether an image that was at fault may be so no more."""
    try:
        file = Path(image) if os.path.isabs(image) else gallery.find(image)
        return isinstance(file, Path) and file.stat().st_mtime > checked
    except (BadRowError, OSError):
        return False


def _checked(place: Path, reading: Reading) -> Kept:
    """Check data, and write what is kept of them."""
    began = time.time()
    draft = place.with_name(f"{place.name}.{os.getpid()}.part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir()
        with KeptWriter(draft, reading.gallery.root) as writer:
            settled = settle(
                reading.checked(told=True), writer.add, drop_duplicates=reading.drop_duplicates
            )
            writer.finish(settled.chosen)
        content: dict[str, Any] = {
            "path": reading.path,
            "seconds": began,
            "rows": len(settled.chosen),
            "columns": sorted(reading.columns),
            "bad": [[*each.place, each.reason, each.image] for each in settled.bad],
        }
        (draft / CHECKED).write_text(json.dumps(content), encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)
        draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Kept(place, settled.bad, reading.columns)
