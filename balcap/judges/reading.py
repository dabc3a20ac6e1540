"""What does an answer say? Read strictly; what cannot be read is an error, never a verdict."""

from __future__ import annotations

import json
import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from balcap.errors import UnusableAnswerError

ModelT = TypeVar("ModelT", bound=BaseModel)

_THOUGHT = re.compile(r"^.*</think>", re.DOTALL)
_FENCE = re.compile(r"^```\w*\n(.*?)\n?```$", re.DOTALL)
_LETTER = re.compile(r"(?<![A-Za-z])([A-Z])(?![A-Za-z'\u2019])")


def spoken(text: str) -> str:
    """The answer without the reasoning before it, blanks around it removed."""
    return _THOUGHT.sub("", text).strip()


def read_json(text: str, kind: type[ModelT]) -> ModelT:
    """Return the one JSON value of an answer, as that model.

    A code fence around it, and words before and after the outermost braces, are allowed.

    Raises:
        UnusableAnswerError: if there is none, or it is not of that form.
    """
    said = spoken(text)
    if fenced := _FENCE.match(said):
        said = fenced[1]
    first, last = said.find("{"), said.rfind("}")
    try:
        return kind.model_validate(json.loads(said[first : last + 1]))
    except (ValueError, ValidationError) as error:
        problem = _problem(error)
        raise UnusableAnswerError(f"unparsable answer {_shown(text)} ({problem})") from None


def read_letter(text: str, letters: str) -> str:
    """Return the first capital letter that stands alone in an answer.

    Args:
        text: the answer, such as `B`, `B) red`, `(B)` or `Answer: B`.
        letters: the menu, such as `ABCDE`.

    Raises:
        UnusableAnswerError: if there is none, or the first one is not on the menu.
    """
    found = _LETTER.search(spoken(text))
    if found is None:
        raise UnusableAnswerError(f"no letter in the answer {_shown(text)}")
    if found[1] not in letters:
        raise UnusableAnswerError(f"off the menu {letters}: {_shown(text)}")
    return found[1]


def _problem(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg']}" if place else first["msg"]
    return "no JSON"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
