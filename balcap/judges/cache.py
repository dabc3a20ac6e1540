"""What was answered before? One SQLite file, or this process's memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from balcap.judges.contract import Answer, Ask

REMEMBERED = 65536  # answers, about 1 kB each; a step asks tens of thousands


class AnswerCache(Protocol):
    """To be replaced by the SQLite file."""

    def get(self, keys: Sequence[str]) -> dict[str, Answer]:
        """The answers that are known."""
        ...

    def put(self, key: str, judge: Mapping[str, Any], ask: Ask, answer: Answer) -> None:
        """Keep an answer."""
        ...


class Memory:
    """The newest answers of this process: heads of one step that ask the same share them."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._size = size
        self._answers: OrderedDict[str, Answer] = OrderedDict()

    def get(self, keys: Sequence[str]) -> dict[str, Answer]:
        """The answers that are known, by key."""
        return {key: self._answers[key] for key in keys if key in self._answers}

    def put(self, key: str, judge: Mapping[str, Any], ask: Ask, answer: Answer) -> None:
        """Keep an answer; the oldest makes room."""
        self._answers[key] = answer
        while len(self._answers) > self._size:
            self._answers.popitem(last=False)
