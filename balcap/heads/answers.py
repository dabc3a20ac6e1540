"""How do the answers of a judge become a head's scores?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from balcap.errors import JudgeError, UnusableAnswerError
from balcap.judges.verdicts import PartialAnswerError
from balcap.types import HeadScore, Unscored

T = TypeVar("T")


def completed(
    known: Sequence[HeadScore | None], found: Iterable[float | JudgeError]
) -> list[HeadScore]:
    """Return the known scores, each None replaced by what was found for it.

    Args:
        known: one a caption; None where a judge had to be asked.
        found: for each None, in their order, a score, or why there is none.

    Raises:
        ValueError: if not as many were found as are missing.
    """
    missing = [place for place, score in enumerate(known) if score is None]
    scores = list(known)
    for place, one in zip(missing, found, strict=True):
        scores[place] = Unscored.by(one) if isinstance(one, JudgeError) else one
    return [score for score in scores if score is not None]


SHOWN = 5  # texts that an explanation names


def listed(what: str, texts: Sequence[str]) -> str:
    """The end of an explanation: `; missed: a; b`. Empty for none; of many the first few."""
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return f"; {what}: {'; '.join(texts[:SHOWN])}{more}" if texts else ""


@dataclass(frozen=True)
class Usable(Generic[T]):
    """What a judge said of the parts of one caption: questions, assertions, criteria.

    Attributes:
        answers: one a part; None where there is no usable answer.
    """

    answers: tuple[T | None, ...]

    @property
    def count(self) -> int:
        """Parts with a usable answer."""
        return sum(answer is not None for answer in self.answers)

    def pairs(self, parts: Sequence[str]) -> list[tuple[str, T]]:
        """The parts that have an answer, each with it."""
        found = zip(parts, self.answers, strict=True)
        return [(part, answer) for part, answer in found if answer is not None]

    def note(self) -> str:
        """For an explanation: how many parts were left out; empty if none were."""
        left_out = len(self.answers) - self.count
        return f" ({left_out} left out: no usable answer)" if left_out else ""


def usable(outcomes: Sequence[T | JudgeError], least: float) -> Usable[T] | JudgeError:
    """What is left of a caption's answers without the unusable ones.

    An answer that cannot be used leaves its part out, and the caption is scored from the rest.
    CapRL (arXiv 2509.22647) counts such an answer as wrong; leaving it out is ours. A judge that
    did not answer at all is another thing: the caption waits for it.

    Args:
        outcomes: one a part, at least one.
        least: share of the parts that must have a usable answer, in [0, 1]; at least one part
            must.

    Returns:
        The answers; or why the caption has no score: the first part that was not answered, or,
        where too few answers can be used, how many cannot, and why the first one.
    """
    failed = [one for one in outcomes if isinstance(one, JudgeError)]
    for failure in failed:
        if not isinstance(failure, UnusableAnswerError):
            return type(failure)(f"{len(failed)} of {len(outcomes)} questions: {failure}")
    left = len(outcomes) - len(failed)
    if not left or left < least * len(outcomes):
        return UnusableAnswerError(f"{len(failed)} of {len(outcomes)} questions: {failed[0]}")
    return Usable(tuple(None if isinstance(one, JudgeError) else one for one in outcomes))


def usable_verdicts(outcome: Sequence[T] | JudgeError, least: float) -> Usable[T] | JudgeError:
    """As `usable`, for an answer that holds all verdicts about one caption."""
    if isinstance(outcome, PartialAnswerError):
        return usable(outcome.outcomes, least)
    return outcome if isinstance(outcome, JudgeError) else Usable(tuple(outcome))
