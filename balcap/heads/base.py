"""What must a reward head be able to do?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from balcap.config import JudgeSettings
from balcap.errors import UserError
from balcap.judges.judge import Judge
from balcap.judges.usage import Usage
from balcap.types import Caption, HeadScore


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

    def __init__(self, config: ConfigT | None = None, judge: Judge | None = None) -> None:
        self.config = self.Config() if config is None else config
        self._judge = judge

    @property
    def uses_judge(self) -> bool:
        """Whether this head, as it is set, asks a judge. Its Config then has a field `judge` of
        type `JudgeSettings`, for what is to be another than `--judge.*`."""
        return False

    @property
    def judge(self) -> Judge:
        """Whom it asks. Raises UserError if there is nobody."""
        if self._judge is None:
            raise UserError(
                f"reward head {self.name!r} asks a judge, and none is set; say which: "
                "--judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 --judge.model NAME"
            )
        return self._judge

    @property
    def judge_settings(self) -> JudgeSettings:
        """What its Config says of whom to ask; empty for a Config that says nothing of it."""
        said = getattr(self.config, "judge", None)
        return said if isinstance(said, JudgeSettings) else JudgeSettings()

    def judge_option(self, field: str) -> str:
        """The option that sets a field of its judge: its own where it has one, or else all heads'.

        `--precision.judge.url` for `url`, or `--judge.url`.
        """
        judge = self.judge_settings
        is_own = field in judge.own or getattr(judge, field, None) is not None
        return f"--{self.name}.judge.{field}" if is_own else f"--judge.{field}"

    @property
    def server_option(self) -> str:
        """The option that says whom this head asks, for advice where nobody answers. A head with a
        server that is no judge names its own."""
        field = self.judge.shared.backend.named_by if self.uses_judge else "url"
        return self.judge_option(field)

    def attach_judge(self, judge: Judge) -> None:
        """Ask that judge from now on."""
        self._judge = judge

    @property
    def usage(self) -> Usage:
        """What the judge was asked by this head so far; all 0 for a head that asks none."""
        return Usage() if self._judge is None else self._judge.usage

    @property
    def requires(self) -> frozenset[str]:
        """Fields of `Sample` that this head cannot score without: of `image`, `reference`, `facts`,
        `questions`, or a name in `metadata`."""
        return frozenset()

    @abstractmethod
    def score(
        self, captions: Sequence[Caption]
    ) -> Sequence[HeadScore] | Awaitable[Sequence[HeadScore]]:
        """Score captions: one answer each, in their order.

        A head whose judge fails for a caption answers `Unscored(reason)` in its place, or raises
        `JudgeError` if it has nothing for any of them. May be an `async def`.
        """
