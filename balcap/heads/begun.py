"""Scoring that was begun while something else is done."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

from balcap.errors import RunError, UserError
from balcap.heads.scoring import Scored, joined
from balcap.types import Caption

First = tuple[Scored | None, UserError | RunError | None]
"""What came of a first try: the scores, or what a head raised."""


@dataclass(frozen=True)
class Begun:
    """A first try that is under way, in one piece or in several side by side.

    Attributes:
        captions: what is scored, of all pieces.
        first: what comes of each piece.
    """

    captions: tuple[Caption, ...]
    first: tuple[Future[First], ...]

    def result(self) -> First:
        """Wait for all pieces; of several that failed, the first one is told."""
        ended = [first.result() for first in self.first]
        for _, failure in ended:
            if failure is not None:
                return None, failure
        parts = [scored for scored, _ in ended if scored is not None]
        return joined(parts, self.captions), None
