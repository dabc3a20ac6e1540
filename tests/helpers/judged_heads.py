"""A head that asks a judge, used as `tests/helpers/judged_heads.py:Graded`, and judges for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from balcap.config import JudgeSettings
from balcap.errors import JudgeError
from balcap.heads import Head
from balcap.judges.judge import Judge, SharedBackend
from balcap.judges.quoting import CLOSE, OPEN, quoted
from balcap.judges.scripted import Script, Scripted
from balcap.judges.types import JudgeRequest
from balcap.types import Caption, HeadScore, Unscored


@dataclass(frozen=True)
class GradedConfig:
    """Whom it asks."""

    judge: JudgeSettings = field(default_factory=JudgeSettings)


class Graded(Head[GradedConfig]):
    """The grade that a judge gives, as it says it."""

    name = "graded"
    Config = GradedConfig

    @property
    def uses_judge(self) -> bool:
        return True

    async def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        requests = [JudgeRequest.of(f"Grade {quoted(caption.text)}") for caption in captions]
        grades = await self.judge.read(requests, lambda answer: float(answer.text))
        return [Unscored.by(g) if isinstance(g, JudgeError) else g for g in grades]


def grade(request: JudgeRequest) -> str:
    """Of a caption, the share of its characters that are an e: different captions differ."""
    text = graded_text(request)
    return str(text.count("e") / (1 + len(text)))


def graded_text(request: JudgeRequest) -> str:
    """The caption that is asked about."""
    return request.messages[-1].text.partition(OPEN)[2].rpartition(CLOSE)[0]


def everyone_asks(script: Script, monkeypatch: pytest.MonkeyPatch, name: str = "reader") -> None:
    """Let heads that are made from here on ask a function, whatever the settings say."""
    monkeypatch.setattr(
        "balcap.heads.selection.open_judge",
        lambda settings, asker, redraws=0: Judge(
            SharedBackend(Scripted(script, name)), price_in=1.0, redraws=redraws
        ),
    )


def a_judge(script: Script, name: str = "reader") -> Judge:
    """A function as a judge with a name."""
    return Judge(SharedBackend(Scripted(script, name)))
