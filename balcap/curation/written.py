"""Which questions did a writer write, whatever it put around them?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from balcap.data.questions import RepeatedChoiceError, read_question
from balcap.data.row import BadRowError
from balcap.data.written_questions import written_questions
from balcap.errors import UnusableAnswerError
from balcap.judges.parsing import without_reasoning
from balcap.judges.types import JudgeResponse
from balcap.types import Question

_DECODER = json.JSONDecoder()


class _Item(BaseModel):
    category: str
    question: str
    choices: Annotated[list[str], Field(min_length=4, max_length=4)]
    answer: Literal["A", "B", "C", "D"]


class _Form(BaseModel):
    questions: list[_Item]


SCHEMA = _Form.model_json_schema()
"""For servers that can hold to one."""


@dataclass(frozen=True)
class Written:
    """One question as the writer wrote it.

    Attributes:
        question: what it says; None where that cannot be read.
        problem: why it cannot.
        repeats: whether the problem is that two options are the same.
        raw: the JSON value, where it cannot be read.
    """

    question: Question | None
    problem: str = ""
    repeats: bool = False
    raw: Any = None


def read_written(answer: JudgeResponse, most: int) -> list[Written]:
    """The questions of an answer, at most so many.

    JSON in any of the forms that `--data caption-qa` reads, with or without words and a code fence
    around it, cut off after a whole question or not; or CapRL's layout: numbered questions,
    lettered options, answers.

    Raises:
        UnusableAnswerError: if there is none.
    """
    text = without_reasoning(answer.text)
    found = [*_objects(text)] or written_questions(text)
    if not found:
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise UnusableAnswerError(f"no question in the answer {shown!r}")
    return [_read(item) for item in found[:most]]


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """Every JSON object of a text that asks something, the outermost ones of such."""
    at = text.find("{")
    while at >= 0:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            value, end = None, at + 1  # not JSON, or cut off: what is inside may be
        if isinstance(value, Mapping) and isinstance(value.get("question"), str):
            yield value
        elif value is not None:
            end = at + 1
        at = text.find("{", end)


def _read(item: Mapping[str, Any]) -> Written:
    try:
        return Written(read_question(item))
    except BadRowError as error:
        return Written(None, str(error), isinstance(error, RepeatedChoiceError), item)
