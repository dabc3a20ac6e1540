"""What does an answer say? Read strictly; what cannot be read is an error, never a verdict."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from balcap.errors import UnusableAnswerError

if TYPE_CHECKING:
    from pydantic import BaseModel

ModelT = TypeVar("ModelT", bound="BaseModel")

_LETTER = re.compile(r"(?<![A-Za-z])([A-Z])(?![A-Za-z'\u2019])")
_WORD = re.compile(r"[AI]\s+[a-z]")  # "A red ball", "I think"


def without_reasoning(text: str) -> str:
    """The answer without the reasoning before it, blanks around it removed.

    Raises:
        UnusableAnswerError: if it ends in the middle of its reasoning.
    """
    said = text.rpartition("</think>")[2].strip()
    if "<think>" in said:
        raise UnusableAnswerError(f"no answer behind the reasoning {_shown(text)}")
    return said


def parse_json(text: str, kind: type[ModelT]) -> ModelT:
    """Return the one JSON object of an answer, as that model.

    Words and a code fence around the outermost braces are allowed.

    Raises:
        UnusableAnswerError: if there is none, it is not of that form, or it says a thing twice.
    """
    said = without_reasoning(text)
    try:
        value = json.loads(
            said[said.find("{") : said.rfind("}") + 1],
            object_pairs_hook=_once,
            parse_constant=_refused,
        )
        return kind.model_validate(value)
    except (ValueError, RecursionError) as error:  # pydantic's ValidationError is a ValueError
        raise UnusableAnswerError(f"unparsable answer {_shown(text)} ({_problem(error)})") from None


def parse_letter(text: str, letters: str) -> str:
    """Return the first capital letter that stands alone in an answer.

    An `A` or `I` before a small letter may be a word: "I think B" says B, and "A red ball, so B"
    is refused, as it may say either.

    Args:
        text: the answer, such as `B`, `B) red`, `(B)` or `JudgeResponse: B`.
        letters: the menu, such as `ABCDE`.

    Raises:
        UnusableAnswerError: if there is none, or the first one is not on the menu.
    """
    said = without_reasoning(text)
    found = [(place[1], bool(_WORD.match(said, place.start()))) for place in _LETTER.finditer(said)]
    found = [(letter, is_word) for letter, is_word in found if letter in letters or not is_word]
    if not found:
        raise UnusableAnswerError(f"no letter in the answer {_shown(text)}")
    (first, is_word), *others = found
    if is_word and any(letter != first and not is_word for letter, is_word in others):
        raise UnusableAnswerError(f"the first letter may be a word: {_shown(text)}")
    if first not in letters:
        raise UnusableAnswerError(f"off the menu {letters}: {_shown(text)}")
    return first


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


class _TwiceError(ValueError):
    pass


def _refused(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity, which are no JSON


def _problem(error: Exception) -> str:
    if isinstance(error, _TwiceError):
        return "the same name twice"
    if not hasattr(error, "errors"):
        return "no JSON"
    first = error.errors()[0]  # of pydantic
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
