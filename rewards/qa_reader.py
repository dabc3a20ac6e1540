"""What are the answers about a caption worth? As a reader of it gives them (`heads.reading`).

With `answer=gain` each question is also asked of an empty description. How much likelier the right
letter is with the caption is what the caption told: what a reader knows or prefers without it, such
as a letter that it likes, is subtracted. For small readers, whose likes are strong. Ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from balcap.errors import JudgeError
from balcap.heads.reading import Menu, Reading, drawn, read_menus, rng_of, seeded
from balcap.judges.judge import Judge
from balcap.types import Caption

from .qa_settings import QaConfig


class Answered(NamedTuple):
    """What a reader made of one question.

    Attributes:
        question: its text.
        said: the option that was chosen, or is the likeliest.
        worth: 1 for the right one, 0 for another; with `soft` the right one's probability; with
            `gain` (1 + that with the caption - that without) / 2.
    """

    question: str
    said: str
    worth: float


class Gained(NamedTuple):
    """As `Answered`, with the two probabilities of the right letter that `gain` is made of."""

    question: str
    said: str
    worth: float
    seen: float
    blind: float


AnyAnswered = Answered | Gained


async def answers(
    judge: Judge, captions: Sequence[Caption], settings: QaConfig
) -> list[list[AnyAnswered | JudgeError]]:
    """Ask everything about all captions at once.

    Returns:
        For each caption, draw by draw, what was answered, or why there is no usable answer.
    """
    menus = [list(menus_of(caption, settings)) for caption in captions]
    asked = [(caption.text, some) for caption, some in zip(captions, menus, strict=True)]
    if settings.answer != "gain":
        return [
            [_answered(one) for one in some] for some in await read_menus(judge, asked, settings)
        ]
    blind = [("", some) for some in menus]  # of one sample the same: each is asked once, and kept
    found = await read_menus(judge, [*asked, *blind], settings)
    halves = zip(found[: len(asked)], found[len(asked) :], strict=True)
    return [[_gained(*both) for both in zip(*half, strict=True)] for half in halves]


def menus_of(caption: Caption, settings: QaConfig) -> Iterator[Menu]:
    """The questions of a caption, each with the order of its options.

    They hang on the caption, its sample's id and the seed, and on nothing beside them; with `gain`
    not on the caption either: the same order is then asked with it and without, and without it only
    once for all captions of the sample.
    """
    rng = rng_of(caption, settings.seed)
    if settings.answer == "gain":
        rng = seeded(f"{settings.seed}\0{caption.sample.id}")
    return drawn(caption.sample.questions, rng, settings.draws, settings.abstain)


def _answered(one: Reading | JudgeError) -> Answered | JudgeError:
    if isinstance(one, JudgeError):
        return one
    return Answered(one.menu.question.text, one.said, one.worth)


def _gained(seen: Reading | JudgeError, blind: Reading | JudgeError) -> Gained | JudgeError:
    """Worth (1 + seen - blind) / 2, in [0, 1]; 0.5 where the caption changes nothing."""
    for one in (seen, blind):
        if isinstance(one, JudgeError):
            return one
    assert isinstance(seen, Reading)
    assert isinstance(blind, Reading)
    worth = (1 + seen.worth - blind.worth) / 2
    return Gained(seen.menu.question.text, seen.said, worth, seen.worth, blind.worth)
