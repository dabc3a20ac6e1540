"""Which rows are in a file of user data, and how does its reader count them?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from balcap.errors import UserError

LINES = (".jsonl", ".jsonlines", ".ndjson")
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
    """Read a JSON, JSONL or Parquet file, a saved data set, or `hf:NAME` (see `tables`).

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
        raise UserError(f"no file {path}; name a .json, .jsonl or .parquet file, or hf:NAME")
    if file.stat().st_size == 0:
        raise UserError(f"{path} is empty; expected {_EXPECTED}")
    if file.suffix == ".parquet":
        return _numbered(tables.read_parquet(file))
    if file.suffix in LINES:
        return iter(_read_lines(file))
    if file.suffix == ".json":
        return _read_json(file)
    raise UserError(
        f"cannot read {path}: its name ends in {file.suffix or 'nothing known'}; "
        f"have .json, {', '.join(LINES)}, .parquet, or hf:NAME"
    )


def _numbered(contents: Iterator[Any]) -> Iterator[Row]:
    return (Row(number, content) for number, content in enumerate(contents, 1))


def _read_lines(file: Path) -> list[Row]:
    rows = []
    with file.open("rb") as lines:  # bytes: text mode would count other line ends too
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
        text = file.read_bytes().decode("utf-8-sig")
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
