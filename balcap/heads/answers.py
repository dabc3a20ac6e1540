"""How do the answers of a judge become a head's scores?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from balcap.errors import JudgeError
from balcap.types import Score, Unscored


def completed(known: Sequence[Score | None], found: Iterable[float | JudgeError]) -> list[Score]:
    """Return the known scores, each None replaced by what was found for it.

    Args:
        known: one a caption; None where a judge had to be asked.
        found: for each None, in their order, a score, or why there is none.

    Raises:
        StopIteration: if fewer were found than are missing.
    """
    rest = iter(found)
    return [_score(next(rest)) if score is None else score for score in known]


def _score(found: float | JudgeError) -> Score:
    return Unscored.by(found) if isinstance(found, JudgeError) else found
