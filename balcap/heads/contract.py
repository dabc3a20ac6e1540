"""What must a reward head be able to do?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from balcap.sample import Caption, Score


@dataclass(frozen=True)
class NoSettings:
    """The settings of a head that has none."""


ConfigT = TypeVar("ConfigT")


class Head(ABC, Generic[ConfigT]):
    """One kind of reward: scores captions with their samples.

    A head must answer alike whatever the order or size of the batch, and must not load a model
    in `__init__`: that is called to check the settings. It may be called from a thread, one call
    at a time.

    Attributes:
        name: what the head is called in settings, tables and files.
        Config: a frozen dataclass of the head's own settings; its fields become
            `--NAME.FIELD` on the command line.
        range: the lowest and the highest score the head can give.
        config: the settings of this instance.
    """

    name: ClassVar[str]
    Config: ClassVar[type] = NoSettings
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    config: ConfigT

    def __init__(self, config: ConfigT | None = None) -> None:
        self.config = self.Config() if config is None else config

    @property
    def needs(self) -> frozenset[str]:
        """Fields of `Sample` that this head cannot score without: of `image`, `reference`, `facts`,
        `questions`, or a name in `metadata`."""
        return frozenset()

    @abstractmethod
    def score(self, captions: Sequence[Caption]) -> Sequence[Score] | Awaitable[Sequence[Score]]:
        """Score captions: one answer each, in their order.

        A head whose judge fails for a caption answers `Unscored(reason)` in its place, or raises
        `JudgeError` if it has nothing for any of them. May be an `async def`.
        """
