"""Which rows are in a file of JSON, as one document or as a line each?"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from balcap.data import compressed
from balcap.data.row import Row, numbered
from balcap.errors import UserError

EXPECTED = "a JSON list of objects, a map {id: caption}, COCO captions, or one object per line"
_LISTS = ("data", "annotations", "images", "rows", "samples")
_ONE_ROW = {"image", "caption", "conversations", "conversation", "messages"}
_BLANKS = re.compile(r"[ \t\n\r]*")
_AT_ONCE = 1 << 20  # characters of a list that are read at a time


def read_lines(file: Path) -> Iterator[Row]:
    """Rows of a file with an object per line, one at a time; those that are not JSON wait for the
    first one that is, without which the file is not of this form."""
    broken: list[Row] = []
    good = False
    with compressed.opened(file) as lines:  # bytes: text mode would count other line ends too
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


def read_json(file: Path) -> Iterator[Row]:
    """Rows of one JSON document. Those of a list are read one at a time; of any other, it is in
    memory whole.

    Raises:
        UserError: if it is not JSON, or of a form that has no rows.
    """
    with compressed.opened(file) as stream:
        is_list = stream.read(64).decode("utf-8-sig", "replace").lstrip().startswith("[")
    return numbered(_read_list(file)) if is_list else _read_document(file)


def _read_list(file: Path) -> Iterator[Any]:
    """The items of a document that is a list. What is wrong with it is said by reading it whole."""
    with compressed.opened(file) as stream:
        try:
            yield from _items(io.TextIOWrapper(stream, "utf-8-sig"))
            return
        except (ValueError, RecursionError):
            pass
    _parsed(file)
    raise UserError(f"{file} was changed while it was read; give the same command again")


def _items(stream: TextIO) -> Iterator[Any]:
    """The items of a JSON list, the one thing in a stream. Raises ValueError if it is not."""
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    text = stream.read(_AT_ONCE)
    place = _after_blanks(text, text.index("[") + 1)
    is_empty = text[place:].startswith("]")
    after = place
    while not is_empty:
        try:
            item, after = decoder.raw_decode(text, place)
            after = _after_blanks(text, after)
            mark = text[after]
        except (ValueError, IndexError):  # cut off, or wrong; a number may go on where text ends
            more = stream.read(max(_AT_ONCE, len(text) - place))
            if not more:
                raise ValueError("no item, or no end of the list") from None
            text = text[place:] + more
            place = _after_blanks(text, 0)
            continue
        yield item
        if mark == "]":
            break
        if mark != ",":
            raise ValueError("no comma between two items")
        place = _after_blanks(text, after + 1)
    if (text[after + 1 :] + stream.read()).strip():
        raise ValueError("something stands after the list")


def _after_blanks(text: str, place: int) -> int:
    return _BLANKS.match(text, place).end()  # type: ignore[union-attr]  # matches everywhere


def _parsed(file: Path) -> Any:
    """A JSON document, whole. Raises UserError if it is none."""
    try:
        return json.loads(
            compressed.read_bytes(file).decode("utf-8-sig"), object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        raise UserError(
            f"{file}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}); "
            f"expected {EXPECTED}"
        ) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{file} is not JSON: {error}; expected {EXPECTED}") from None


def _read_document(file: Path) -> Iterator[Row]:
    """Rows of a document that is no list; of one object a line, in a file that is called .json."""
    try:
        content = _parsed(file)
    except UserError as error:
        match error.__cause__:
            case json.JSONDecodeError(msg="Extra data", doc=text) if text.lstrip().startswith("{"):
                return read_lines(file)
        raise
    if not isinstance(content, dict):
        raise UserError(f"{file} holds a single value, {content!r:.40}; expected {EXPECTED}")
    if isinstance(content.get("images"), list) and isinstance(content.get("annotations"), list):
        return _coco(content["images"], content["annotations"])
    if _ONE_ROW & content.keys():
        return iter([Row(1, content)])
    for name in _LISTS:  # {"data": [...]}, and Karpathy's {"images": [...], "dataset": "coco"}
        if isinstance(content.get(name), list) and all(
            isinstance(each, dict) for each in content[name]
        ):
            return numbered(_with_folder(each) for each in content[name])
    pairs = content.pairs if isinstance(content, _Repeated) else list(content.items())
    return numbered(_entry(key, value) for key, value in pairs)


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
