"""What does a row of user data say, before its image is looked at?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from balcap.config import Columns
from balcap.data.base64_images import from_base64
from balcap.data.questions import read_questions
from balcap.data.row import BadRowError
from balcap.data.tables import StoredImage
from balcap.types import Question

# Names of files come first: an address or a bare number is used only where nothing better is there.
IMAGE_COLUMNS = (
    "image", "image_path", "img_path", "image_file", "file_name", "filename", "arcname", "path",
    "images", "image_id", "image_url",
)  # fmt: skip
CAPTION_COLUMNS = ("caption", "description", "text", "captions")
_MARKUP = re.compile(
    r"<img>[^<]*</img>|<image>|<\|image\|>|<\|(?:vision_start|vision_end|image_pad|video_pad)\|>"
    r"|<\|im_start\|>(?:system|user|assistant)?\n?|<\|(?:im_end|endoftext|eot_id)\|>"
)
"""Tokens of chat templates: the policy's own processor puts its own in."""


@dataclass(frozen=True)
class ParsedRow:
    """A row whose text has been understood.

    Attributes:
        id: as the row has it; None where it has none.
        prompt: what the row asks, without any image token; None where it does not say.
        image: the name of a file, or an image inside a table; None where the row names none.
        reference: the caption, not empty; None where the row has none.
        facts: short true statements.
        questions: multiple-choice questions.
        metadata: all columns that are none of the above.
    """

    id: str | None
    prompt: str | None
    image: str | StoredImage | None
    reference: str | None
    facts: tuple[str, ...]
    questions: tuple[Question, ...]
    metadata: Mapping[str, Any]


class Cells:
    """The cells of one row. Remembers which were taken, so that the rest becomes metadata."""

    def __init__(self, row: Mapping[str, Any], columns: Columns) -> None:
        self.row = row
        self.columns = columns
        self.taken: set[str] = set()
        self.extra: dict[str, Any] = {}

    def take(self, usual: Sequence[str], named: str | None = None) -> Any:
        """Return the first cell with a value, of the column the user named or of the usual ones."""
        for name in usual if named is None else (named,):
            if self.row.get(name) is not None:
                self.taken.add(name)
                return self.row[name]
        return None

    def caption(self) -> str | None:
        """Return the caption; of a list the first, and `captions` of the metadata has all."""
        cell = self.take(CAPTION_COLUMNS, self.columns.caption)
        if cell is None and self.columns.caption is None:
            cell = _sentences(self.row.get("sentences")) or _ground_truth(self.row)
        if isinstance(cell, list):
            self.extra["captions"] = cell
            cell = cell[0] if cell else ""
        return None if cell is None else written(cell, "caption")

    def prompt(self) -> str | None:
        """Return what the row asks: a text, or the text of the first message."""
        cell = self.take(("prompt",), self.columns.prompt)
        if isinstance(cell, list) and cell and isinstance(cell[0], Mapping):
            cell = message_text(cell[0])
        if cell is not None and not isinstance(cell, str):
            raise BadRowError(f"prompt is {kind_of(cell)}; expected a text")
        return without_image_tokens(whole(cell or "")) or None

    def parsed_row(
        self,
        prompt: str | None,
        reference: str | None,
        image: Any = None,
        questions: tuple[Question, ...] | None = None,
    ) -> ParsedRow:
        """Take what all kinds of rows share, and return the whole.

        `image` is used where the row has no column for it, `questions` instead of the column.
        """
        named = self.columns
        cell = self.take(IMAGE_COLUMNS, named.image)
        if questions is None:
            questions = read_questions(self.take(("questions",), named.questions))
        return ParsedRow(
            id=read_id(self.take(("id",), named.id)),
            prompt=prompt,
            image=read_image(image if cell is None or cell == [] else cell),
            reference=reference,
            facts=read_facts(self.take(("facts",), named.facts)),
            questions=questions,
            metadata={k: v for k, v in self.row.items() if k not in self.taken} | self.extra,
        )


def _sentences(cell: Any) -> list[str] | None:
    """The captions of an image as Karpathy's split of COCO has them: `[{raw: ...}]`."""
    if not isinstance(cell, list) or not all(isinstance(each, Mapping) for each in cell):
        return None
    return [each["raw"] for each in cell if isinstance(each.get("raw"), str)] or None


def _ground_truth(row: Mapping[str, Any]) -> str | None:
    """The caption as verl has it, `ground_truth` or `reward_model.ground_truth`, if it is a text
    and not one of JSON, which are questions."""
    judged = row.get("reward_model")
    for cell in (
        row.get("ground_truth"),
        isinstance(judged, Mapping) and judged.get("ground_truth"),
    ):
        if isinstance(cell, str) and isinstance(parsed_json(cell), str):
            return cell
    return None


def read_id(cell: Any) -> str | None:
    """Return an id as text; None where the cell is empty."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, float) and cell.is_integer():  # a table with a gap has its numbers so
        cell = int(cell)
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        raise BadRowError(f"id is {kind_of(cell)}; expected a text or a whole number")
    return whole(str(cell))


def read_image(cell: Any) -> str | StoredImage | None:
    """Return the one image that a cell names or holds; None for an empty cell."""
    if isinstance(cell, list):
        if len(cell) > 1:
            raise BadRowError(f"has {len(cell)} images; a caption is about one")
        cell = cell[0] if cell else None
    if isinstance(cell, Mapping):  # {bytes: null, path}, or OpenAI's {url}
        cell = cell.get("path") or cell.get("url")
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool) or not isinstance(cell, str | int | StoredImage):
        raise BadRowError(f"image is {kind_of(cell)}; expected the name of a file")
    if isinstance(cell, StoredImage):
        return cell
    return from_base64(cell) or cell if isinstance(cell, str) else str(cell)


def read_facts(cell: Any) -> tuple[str, ...]:
    """Return a list of statements, given as a list or as the JSON text of one."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except ValueError:
            raise BadRowError("facts is a text; expected a list of statements") from None
    if cell is None:
        return ()
    if not isinstance(cell, list):
        raise BadRowError(f"facts is {kind_of(cell)}; expected a list of statements")
    return tuple(written(fact, f"fact {number}") for number, fact in enumerate(cell, 1))


def written(cell: Any, what: str) -> str:
    """Return a text without the white space around it and without tokens of chat templates; raise
    BadRowError if nothing is left."""
    if not isinstance(cell, str):
        raise BadRowError(f"{what} is {kind_of(cell)}; expected a text")
    text = without_image_tokens(whole(cell))
    if not text:
        raise BadRowError(f"{what} is empty")
    return text


def whole(text: str) -> str:
    """A text in which halves of surrogate pairs, which no tokenizer takes, are joined or replaced
    by U+FFFD. JSON has them where something cut an emoji in two."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def without_image_tokens(text: str) -> str:
    """Remove the tokens that stand for an image, and those of chat templates."""
    return _MARKUP.sub("", text).strip()


def message_text(turn: Mapping[str, Any]) -> str | None:
    """Return the text of a turn: LLaVA's `value`, or `content` as text or a list of parts, whose
    text is `text` or, as LLaMA-Factory has it, `{type: text, value}`."""
    content = turn.get("value") if turn.get("content") is None else turn.get("content")
    if isinstance(content, list):
        parts = [
            part.get("value")
            if part.get("type") == "text" and "value" in part
            else part.get("text")
            for part in content
            if isinstance(part, Mapping)
        ]
        content = "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def parsed_json(cell: Any) -> Any:
    """A list or an object that stands in a cell as JSON text, as tables have it; else the cell."""
    if isinstance(cell, str) and cell.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    return cell


def kind_of(value: Any) -> str:
    """Return what a value is, in the words of a JSON file."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    names |= {int: "a number", float: "a number", type(None): "null", bytes: "binary data"}
    return names.get(type(value), type(value).__name__)
