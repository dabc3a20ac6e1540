"""Which rows are in a file of user data, and how does its reader count them?"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from balcap.errors import UserError

LINES = (".jsonl", ".jsonlines", ".ndjson")
SEPARATORS = {".csv": ",", ".tsv": "\t"}
_SUFFIXES = (".json", *LINES, *SEPARATORS, ".parquet")
_LISTS = ("data", "annotations", "images", "rows", "samples")
_EXPECTED = "a JSON list of objects, a map {id: caption}, COCO captions, or one object per line"
_ONE_ROW = {"image", "caption", "conversations", "conversation", "messages"}


class BadRowError(Exception):
    """Why a row cannot be used."""


@dataclass(frozen=True)
class Row:
    """A row as it stands in its file.

    Attributes:
        number: counted from 1. The line of a JSONL file, blank lines included; else the place in
            the list, the map or the table.
        content: any JSON value; for a table, its cells by column.
        error: why there is no content; empty if there is.
    """

    number: int
    content: Any
    error: str = ""


def read_rows(path: str) -> Iterator[Row]:
    """Read a JSON, JSONL, CSV, TSV or Parquet file, the first four also as .gz, a saved data set,
    or `hf:NAME` (see `tables`).

    Raises:
        UserError: if it is missing, empty, of an unknown form, or broken as a whole.
    """
    from balcap.data import tables

    file = Path(path).expanduser()
    if path.startswith("hf:") or tables.saved_folder(path) is not None:
        return _numbered(tables.read_dataset(path))
    if not file.is_file():
        if file.is_dir():
            raise UserError(
                f"{path} is a folder, and not one that datasets.save_to_disk wrote; name a file, "
                f"or hf:{path} to let the datasets library look into it"
            )
        raise UserError(f"no file {path}; name a {', '.join(_SUFFIXES)} file, or hf:NAME")
    if file.stat().st_size == 0:
        raise UserError(f"{path} is empty; expected {_EXPECTED}")
    suffix = Path(file.stem if _is_zipped(file) else file.name).suffix.casefold()
    if suffix == ".parquet" and not _is_zipped(file):
        return _numbered(tables.read_parquet(file))
    if suffix in LINES:
        return iter(_read_lines(file))
    if suffix == ".json":
        return _read_json(file)
    if suffix in SEPARATORS:
        return _read_separated(file, SEPARATORS[suffix])
    raise UserError(
        f"cannot read {path}: its name ends in {suffix or 'nothing known'}; "
        f"have {', '.join(_SUFFIXES)}, all but the last also with .gz, or hf:NAME"
    )


def _is_zipped(file: Path) -> bool:
    return file.suffix.casefold() == ".gz"


def _opened(file: Path) -> IO[bytes]:
    if not _is_zipped(file):
        return file.open("rb")
    return cast(IO[bytes], gzip.open(file, "rb"))


def _content(file: Path) -> bytes:
    try:
        with _opened(file) as content:
            return content.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{file} is not a whole gzip file: {error}") from None


def _read_separated(file: Path, separator: str) -> Iterator[Row]:
    """Rows of a CSV or TSV file, whose first line has the columns; an empty cell is none."""
    try:
        text = _content(file).decode("utf-8-sig")
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


def _read_lines(file: Path) -> list[Row]:
    rows = []
    with io.BytesIO(_content(file)) as lines:  # bytes: text mode would count other line ends too
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                rows.append(Row(number, json.loads(line.decode("utf-8-sig"))))
            except (ValueError, RecursionError) as error:
                rows.append(Row(number, None, f"is not JSON: {error}"))
    if rows and all(row.error for row in rows):
        raise UserError(
            f"{file}, line {rows[0].number}: {rows[0].error}; expected one object per line"
        )
    return rows


def _read_json(file: Path) -> Iterator[Row]:
    try:
        text = _content(file).decode("utf-8-sig")
        content = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.lstrip().startswith("{"):
            return iter(_read_lines(file))
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
            return _numbered(iter(content[name]))
    pairs = content.pairs if isinstance(content, _Repeated) else list(content.items())
    return _numbered(_entry(key, value) for key, value in pairs)


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
