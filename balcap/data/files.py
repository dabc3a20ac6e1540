"""Which samples are in one file of user data?"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from balcap.config import Columns, DataSettings
from balcap.data.checks import Problem, check_rows, refuse_bad
from balcap.data.formats import reader_of
from balcap.data.formats.images import SUFFIXES, pictures_in
from balcap.data.images import Gallery
from balcap.data.row import Row
from balcap.data.rows import read_rows
from balcap.data.tables import saved_folder
from balcap.errors import UserError, did_you_mean
from balcap.types import Sample


def read_file(
    kind: str, path: str, settings: DataSettings, *, need_images: bool
) -> tuple[list[Sample], list[Problem]]:
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
    seen: set[str] = set()
    parse = reader_of(kind)
    samples, bad = check_rows(
        _watched(_rows(kind, path), seen),
        lambda row: parse(row, columns),
        gallery,
        settings.prompt,
        drop_duplicates=settings.duplicates == "drop",
    )
    _check_columns(path, columns, seen)
    problems = [Problem(place.file or path, place.number, reason) for place, reason in bad]
    refuse_bad(path, len(samples), problems, settings.max_bad, seen)
    return samples, problems


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


def _rows(kind: str, path: str) -> Iterable[Row]:
    """The rows of a file; of a folder of images, one each."""
    folder = Path(path).expanduser()
    if kind != "images" or not folder.is_dir() or saved_folder(path) is not None:
        return read_rows(path)
    names = pictures_in(folder)
    if not names:
        raise UserError(f"no image in {path}; looked for names in {', '.join(SUFFIXES)}")
    return (Row(number, {"image": name}) for number, name in enumerate(names, 1))


def _watched(rows: Iterable[Row], seen: set[str]) -> Iterator[Row]:
    """Pass rows on, and collect the names of their columns."""
    for row in rows:
        if isinstance(row.content, Mapping):
            seen.update(row.content)
        yield row


def _check_columns(path: str, columns: Columns, seen: set[str]) -> None:
    """Raise UserError if the user named a column that no row has."""
    for field, name in asdict(columns).items():
        if name is not None and name not in seen:
            raise UserError(
                f"columns.{field} is {name!r}; no row of {path} has such a column; "
                f"have {', '.join(sorted(seen)) or 'none'}{did_you_mean(name, seen)}"
            )
