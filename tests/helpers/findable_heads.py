"""Reward heads that the tests of finding and parsing are made with. They import nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from balcap.heads import Head


@dataclass(frozen=True)
class Judge:
    """Who answers.

    Attributes:
        model: its name.
        tries: how often it is asked.
    """

    model: str = "small"
    tries: int = 2


@dataclass(frozen=True)
class Config:
    """Settings of `Colours`.

    Attributes:
        draws: how often the dice
            are thrown.
        mode: fast or slow.
        words: which words count.
        strict: count whole words only.
        limit: the most that counts.
        judge: who answers.
    """

    draws: int = 3
    mode: Literal["fast", "slow"] = "fast"
    words: tuple[str, ...] = ("red", "blue")
    strict: bool = False
    limit: float | None = None
    judge: Judge = field(default_factory=lambda: Judge(model="large"))

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise ValueError(f"draws is {self.draws}; it must be at least 1")


class Colours(Head[Config]):
    """Share of the colour words."""

    name = "colours"
    Config = Config

    def score(self, captions):
        return [0.0 for _ in captions]


class SameName(Head):
    """Another head called colours."""

    name = "colours"

    def score(self, captions):
        return [1.0 for _ in captions]


class Plain(Head):
    """A head without settings."""

    name = "plain"

    def score(self, captions):
        return [1.0 for _ in captions]


class Unfinished(Head):
    name = "unfinished"


class Nameless(Head):
    def score(self, captions):
        return []


class NamedLora(Head):
    name = "lora"

    def score(self, captions):
        return []


class OddSetting(Head):
    name = "odd"

    @dataclass(frozen=True)
    class Config:
        when: complex = 1j

    def score(self, captions):
        return []


class NotAHead:
    pass
