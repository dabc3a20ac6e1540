"""How is a judge asked about several texts at once? By number, and it answers by number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from balcap.errors import UnusableAnswerError
from balcap.judges.parsing import parse_json
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeResponse

VerdictT = TypeVar("VerdictT")


def numbered_list(texts: Sequence[str]) -> str:
    """The texts, quoted, one a line: `1. <<<a dog>>>`. Line breaks inside one become blanks."""
    lines = (quoted(" ".join(text.split())) for text in texts)
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


@lru_cache(maxsize=1024)  # a form takes 10 ms to make, and a step asks hundreds of questions
def verdict_form(kind: type[VerdictT], count: int) -> VerdictForm[VerdictT]:
    """The form of an answer with `count` verdicts, each a `bool` or a pydantic model."""
    return VerdictForm(kind, count)


class PartialAnswerError(UnusableAnswerError):
    """An answer with usable verdicts about some of the texts, and none about the others.

    Attributes:
        outcomes: one a text: its verdict, or an UnusableAnswerError.
    """

    def __init__(self, message: str, outcomes: Sequence[Any]) -> None:
        super().__init__(message)
        self.outcomes = tuple(outcomes)


class _Anything(BaseModel):
    """Any JSON object."""

    model_config = ConfigDict(extra="allow")


def _strict(kind: type) -> ConfigDict | None:
    """A model has a configuration of its own."""
    return None if issubclass(kind, BaseModel) else ConfigDict(strict=True)


class VerdictForm(Generic[VerdictT]):
    """An answer with one verdict a number: `{"1": true, "2": false}`. Made by `verdict_form`.

    An object, not a list: a server that holds to the schema can then neither leave a number out
    nor add one.
    """

    def __init__(self, kind: type[VerdictT], count: int) -> None:
        fields: dict[str, Any] = {str(number): (kind, ...) for number in range(1, count + 1)}
        config = ConfigDict(extra="forbid", strict=True)
        self._model: type[BaseModel] = create_model("Verdicts", __config__=config, **fields)
        self._kind: TypeAdapter[VerdictT] = TypeAdapter(kind, config=_strict(kind))

    @cached_property
    def schema(self) -> dict[str, Any]:
        """For `JudgeRequest.schema`."""
        return self._model.model_json_schema()

    def read(self, answer: JudgeResponse) -> tuple[VerdictT, ...]:
        """The verdicts, in the order of their numbers.

        Raises:
            PartialAnswerError: if a number is missing, or a verdict is not of that kind.
            UnusableAnswerError: if no verdict can be read, or there is a number too many.
        """
        try:
            found = parse_json(answer.text, self._model)
        except UnusableAnswerError as error:
            raise self._in_part(answer.text, error) from error
        return tuple(getattr(found, number) for number in self._model.model_fields)

    def _in_part(self, text: str, error: UnusableAnswerError) -> UnusableAnswerError:
        """The error of an answer, with those verdicts in it that can be read."""
        try:
            said = parse_json(text, _Anything).model_extra or {}
        except UnusableAnswerError:
            return error
        outcomes = [self._verdict(said.get(number), error) for number in self._model.model_fields]
        numbers_too_many = set(said) - set(self._model.model_fields)
        if numbers_too_many or all(isinstance(one, UnusableAnswerError) for one in outcomes):
            return error
        return PartialAnswerError(str(error), outcomes)

    def _verdict(self, said: Any, error: UnusableAnswerError) -> VerdictT | UnusableAnswerError:
        try:
            return self._kind.validate_python(said)
        except ValidationError:
            return error
