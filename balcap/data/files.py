"""Which samples are in one file of user data?"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from balcap import distributed
from balcap.config import Columns, DataSettings
from balcap.console import say
from balcap.data.checks import Problem, refuse_bad
from balcap.data.images import Gallery
from balcap.data.reading import Reading
from balcap.data.row_check import Checked
from balcap.data.settled import BadRow, samples_in_memory, settle
from balcap.data.tables import dataset_of, saved_folder
from balcap.errors import UserError, did_you_mean
from balcap.types import Sample


def read_file(
    kind: str, path: str, settings: DataSettings, *, need_images: bool
) -> tuple[Sequence[Sample], list[Problem]]:
    """Return the usable samples of a file, in its order, and what is wrong with the other rows.

    Raises:
        UserError: see `balcap.data.load`.
    """
    columns = settings.columns
    if kind == "conversations" and (columns.caption or columns.prompt):
        raise UserError(
            "columns.caption and columns.prompt do not apply to conversations, whose turns are the "
            f"prompt and the caption; leave them out, or use records:{path}"
        )
    gallery = Gallery(image_root(path, settings), settings.check_images, need_images)
    reading = Reading(kind, path, columns, gallery, settings.duplicates == "drop")
    samples, bad = _kept(reading, settings) or _in_memory(reading, settings.prompt)
    _check_columns(path, columns, reading.columns)
    problems = [Problem(each.place.file or path, each.place.number, each.reason) for each in bad]
    refuse_bad(path, len(samples), problems, settings.max_bad, reading.columns)
    return samples, problems


def _kept(reading: Reading, settings: DataSettings) -> tuple[Sequence[Sample], list[BadRow]] | None:
    """Samples of large data, checked once; None for small ones, and where nothing can be kept."""
    from balcap.data.kept.key import key_of

    root, path = reading.gallery.root, reading.path
    key = key_of(reading.kind, path, settings, root, reading.gallery.required)
    if key is None:
        return None
    from balcap.data.kept.folder import kept
    from balcap.data.kept.samples import KeptSamples

    try:
        found = kept(key, reading)
    except OSError as error:
        if distributed.is_first():
            say(f"{path} is checked at each start, as the result cannot be kept: {error}")
        reading.columns.clear()
        return None
    if found.before and distributed.is_first():
        say(f"{path}: as checked at {found.before} and kept in {found.folder}")
    reading.columns.update(found.columns)
    return KeptSamples(found.folder, settings.prompt, partial(dataset_of, path)), found.bad


def _in_memory(reading: Reading, prompt: str) -> tuple[Sequence[Sample], list[BadRow]]:
    usable: list[Checked] = []
    settled = settle(reading.checked(), usable.append, drop_duplicates=reading.drop_duplicates)
    return samples_in_memory(usable, settled, prompt), settled.bad


def image_root(path: str, settings: DataSettings) -> Path:
    """Return the folder that image names are relative to, without symbolic links.

    Without the setting it is the folder of the data file (of several, the one before the first
    wildcard), the folder of images itself, the saved data set's own folder, or for `hf:NAME` the
    current folder.

    Raises:
        UserError: if the setting names no folder.
    """
    root = settings.image_root
    if root is not None:
        if not root.expanduser().is_dir():
            raise UserError(f"image_root is {str(root)!r}; there is no such folder")
        return root.expanduser().resolve()
    saved = saved_folder(path)
    if saved is not None:
        return saved[0].resolve()
    if path.startswith("hf:"):
        return Path.cwd()
    if Path(path).expanduser().is_dir():
        return Path(path).expanduser().resolve()
    folder = Path(path).expanduser().parent
    while glob.has_magic(str(folder)) and not folder.is_dir():
        folder = folder.parent
    return folder.resolve()


def _check_columns(path: str, columns: Columns, seen: set[str]) -> None:
    """Raise UserError if the user named a column that no row has."""
    for field, name in asdict(columns).items():
        if name is not None and name not in seen:
            raise UserError(
                f"columns.{field} is {name!r}; no row of {path} has such a column; "
                f"have {', '.join(sorted(seen)) or 'none'}{did_you_mean(name, seen)}"
            )
