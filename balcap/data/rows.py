"""Which rows are in a file of user data, and how does its reader count them?"""

from __future__ import annotations

import csv
import glob
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from balcap.data import compressed
from balcap.errors import UserError

LINES = (".jsonl", ".jsonlines", ".ndjson")
SEPARATORS = {".csv": ",", ".tsv": "\t"}
_TABLES = (".parquet", ".tar")
_SUFFIXES = (".json", *LINES, *SEPARATORS, *_TABLES)
_LISTS = ("data", "annotations", "images", "rows", "samples")
_EXPECTED = "a JSON list of objects, a map {id: caption}, COCO captions, or one object per line"
_ONE_ROW = {"image", "caption", "conversations", "conversation", "messages"}


class BadRowError(Exception):
    """Why a row cannot be used."""


class Place(NamedTuple):
    """Where a row stands.

    Attributes:
        file: which one of several; empty where there is one.
        number: counted from 1. The line of a JSONL file, blank lines included; else the place in
            the list, the map or the table.
    """

    file: str
    number: int

    def __str__(self) -> str:
        return f"row {self.number}" + (f" of {self.file}" if self.file else "")


@dataclass(frozen=True)
class Row:
    """A row as it stands in its file.

    Attributes:
        number: see `Place`.
        content: any JSON value; for a table, its cells by column.
        error: why there is no content; empty if there is.
        file: see `Place`.
    """

    number: int
    content: Any
    error: str = ""
    file: str = ""

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.file, self.number)


def files_of(path: str) -> list[Path]:
    """The file of that name, or those that a pattern such as `shards/*.tar` matches, in the order
    of their names. Empty if there is none."""
    file = Path(path).expanduser()
    if file.is_file():
        return [file]
    if not glob.has_magic(path) or file.is_dir():
        return []
    return [
        Path(name) for name in sorted(glob.glob(str(file), recursive=True)) if Path(name).is_file()
    ]


def read_rows(path: str) -> Iterator[Row]:
    """Read a JSON, JSONL, CSV, TSV, Parquet or tar file, several of them by a pattern, a saved data
    set, or `hf:NAME` (see `tables`). All but Parquet and tar may be compressed.

    Raises:
        UserError: if it is missing, empty, of an unknown form, or broken as a whole.
    """
    from balcap.data import tables

    if path.startswith("hf:") or tables.saved_folder(path) is not None:
        return _numbered(tables.read_dataset(path))
    files = files_of(path)
    if not files and Path(path).expanduser().is_dir():
        raise UserError(
            f"{path} is a folder, and not one that datasets.save_to_disk wrote; name a file, "
            f"several as '{path.rstrip('/')}/*.jsonl', or hf:{path} to let the datasets library "
            "look into it"
        )
    if not files:
        raise UserError(f"no file {path}; name a {', '.join(_SUFFIXES)} file, or hf:NAME")
    if len(files) == 1:
        return _read_file(files[0])
    return (replace(row, file=str(file)) for file in files for row in _read_file(file))


def _read_file(file: Path) -> Iterator[Row]:
    if file.stat().st_size == 0:
        raise UserError(f"{file} is empty; expected {_EXPECTED}")
    suffix = compressed.suffix_of(file)
    if suffix in _TABLES and not compressed.is_compressed(file):
        return _numbered(_read_table(file, suffix))
    if suffix in LINES:
        return _read_lines(file)
    if suffix == ".json":
        return _read_json(file)
    if suffix in SEPARATORS:
        return _read_separated(file, SEPARATORS[suffix])
    raise UserError(
        f"cannot read {file}: its name ends in {suffix or 'nothing known'}; "
        f"have {', '.join(_SUFFIXES)}, all but the last two also with "
        f"{', '.join(compressed.SUFFIXES)}, or hf:NAME"
    )


def _read_table(file: Path, suffix: str) -> Iterator[dict[str, Any]]:
    from balcap.data import tables, tar

    return tables.read_parquet(file) if suffix == ".parquet" else tar.read_tar(file)


def _read_separated(file: Path, separator: str) -> Iterator[Row]:
    """Rows of a CSV or TSV file, whose first line has the columns; an empty cell is none."""
    try:
        text = compressed.read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text: {error}") from None
    csv.field_size_limit(2**31 - 1)  # a caption may be longer than the 131,072 of the default
    for number, row in enumerate(
        csv.DictReader(text.splitlines(keepends=True), delimiter=separator), 1
    ):
        if None in row:
            yield Row(number, None, f"has more cells than the {len(row) - 1} columns of line 1")
        else:
            yield Row(number, {name: cell or None for name, cell in row.items()})


def _numbered(contents: Iterator[Any]) -> Iterator[Row]:
    return (Row(number, content) for number, content in enumerate(contents, 1))


def _read_lines(file: Path) -> Iterator[Row]:
    """Rows of a file with an object per line, one at a time; those that are not JSON wait for the
    first one that is, without which the file is not of this form."""
    broken: list[Row] = []
    good = False
    with io.BytesIO(
        compressed.read_bytes(file)
    ) as lines:  # bytes: text mode would count other line ends too
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = Row(number, json.loads(line.decode("utf-8-sig")))
            except (ValueError, RecursionError) as error:
                row = Row(number, None, f"is not JSON: {error}")
            if row.error and not good:
                broken.append(row)
                continue
            if not good:
                good = True
                yield from broken
            yield row
    if broken and not good:
        raise UserError(
            f"{file}, line {broken[0].number}: {broken[0].error}; expected one object per line"
        )


def _read_json(file: Path) -> Iterator[Row]:
    try:
        text = compressed.read_bytes(file).decode("utf-8-sig")
        content = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.lstrip().startswith("{"):
            return _read_lines(file)
        raise UserError(
            f"{file}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}); "
            f"expected {_EXPECTED}"
        ) from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{file} is not JSON: {error}; expected {_EXPECTED}") from None
    if isinstance(content, list):
        return _numbered(iter(content))
    if not isinstance(content, dict):
        raise UserError(f"{file} holds a single value, {content!r:.40}; expected {_EXPECTED}")
    if isinstance(content.get("images"), list) and isinstance(content.get("annotations"), list):
        return _coco(content["images"], content["annotations"])
    if _ONE_ROW & content.keys():
        return iter([Row(1, content)])
    for name in _LISTS:  # {"data": [...]}, and Karpathy's {"images": [...], "dataset": "coco"}
        if isinstance(content.get(name), list) and all(
            isinstance(each, dict) for each in content[name]
        ):
            return _numbered(_with_folder(each) for each in content[name])
    pairs = content.pairs if isinstance(content, _Repeated) else list(content.items())
    return _numbered(_entry(key, value) for key, value in pairs)


def _with_folder(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose image has its folder before its name: Karpathy's split has them apart."""
    folder, name = row.get("filepath"), row.get("filename")
    if not isinstance(folder, str) or not isinstance(name, str):
        return row
    return {**row, "filename": f"{folder}/{name}"}


class _Repeated(dict[str, Any]):
    """An object of which a key appears twice: JSON readers drop the first in silence."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _Repeated(pairs)


def _entry(key: str, value: Any) -> dict[str, Any]:
    """Turn an entry of a map into a row: its key is the id, and the image unless that is named."""
    if isinstance(value, Mapping):
        return {"id": key, **value}
    return {"id": key, "image": key, "caption": value}


def _coco(images: list[Any], annotations: list[Any]) -> Iterator[Row]:
    """Join COCO captions: a row is an image, with all its captions in the order of the file."""
    captions: dict[Any, list[Any]] = {
        image["id"]: [] for image in images if isinstance(image, dict) and "id" in image
    }
    for number, annotation in enumerate(annotations, 1):
        image_id = annotation.get("image_id") if isinstance(annotation, dict) else None
        if image_id in captions:
            captions[image_id].append(annotation.get("caption"))
        else:
            yield Row(number, None, f"annotation {number} is of image {image_id!r}, not in images")
    for number, image in enumerate(images, 1):
        found = captions.get(image.get("id")) if isinstance(image, dict) else None
        yield Row(number, {**image, "captions": found} if found else image)
