"""How does a chat of ShareGPT4V, LLaVA, OpenAI or Qwen name its prompt and its caption?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from balcap.config import Columns
from balcap.data.parsed_rows import (
    Cells,
    ParsedRow,
    message_text,
    parsed_json,
    whole,
    without_image_tokens,
    written,
)
from balcap.data.row import BadRowError

TURN_COLUMNS = ("conversations", "conversation", "messages")
_ASKS = ("human", "user")
_ANSWERS = ("gpt", "assistant")


def parse_row(row: Mapping[str, Any], columns: Columns) -> ParsedRow:
    """Read a row with chat turns, `{from, value}` or `{role, content}`.

    The first turn of the human (`human`, `user`) is the prompt, without image tokens; the first
    of the model (`gpt`, `assistant`) is the reference. Later turns and other roles are not used.
    The image is the row's own, else the one inside the turns. Facts and questions are read where
    the row has such columns.

    Raises:
        BadRowError: if there are no turns, or no answer of the model, or it is empty.
    """
    cells = Cells(row, columns)
    cell = parsed_json(cells.take(TURN_COLUMNS))
    if not isinstance(cell, list) or not all(isinstance(turn, Mapping) for turn in cell):
        raise BadRowError(f"has no list of turns; looked for {', '.join(TURN_COLUMNS)}")
    answered = _first(cell, _ANSWERS)
    if answered is None:
        raise BadRowError(f"has no caption: no turn is from {' or '.join(_ANSWERS)}")
    prompt = asked_for(cell) or None
    reference = written(message_text(answered) or "", "caption")
    return cells.parsed_row(prompt, reference, image=_images(cell))


def asked_for(turns: list[Mapping[str, Any]]) -> str:
    """What the first turn of the human asks, without image tokens; empty where there is none."""
    asked = _first(turns, _ASKS)
    return without_image_tokens(whole(message_text(asked) or "")) if asked else ""


def _first(turns: list[Mapping[str, Any]], roles: tuple[str, ...]) -> Mapping[str, Any] | None:
    return next((turn for turn in turns if (turn.get("from") or turn.get("role")) in roles), None)


def _images(turns: list[Mapping[str, Any]]) -> list[Any]:
    """Collect the images that stand inside messages, as OpenAI and Qwen have them."""
    contents = [turn["content"] for turn in turns if isinstance(turn.get("content"), list)]
    parts = [part for content in contents for part in content if isinstance(part, Mapping)]
    found = [part.get("image") or part.get("image_url") for part in parts]
    return [image for image in found if image is not None]
