"""Scoring that was begun while something else is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from balcap.errors import RunError, UserError
from balcap.heads.base import Head
from balcap.heads.scoring import Scored, joined
from balcap.judges.usage import Usage
from balcap.types import Caption

First = tuple[Scored | None, UserError | RunError | None]
"""What came of a first try: the scores, or what a head raised."""


@dataclass(frozen=True)
class Begun:
    """A first try that is under way, in one piece or in several side by side.

    Attributes:
        captions: what is scored, of all pieces.
        usage: of the heads that ask a judge, by name, when the first piece was begun with.
        first: what comes of each piece.
    """

    captions: tuple[Caption, ...]
    usage: Mapping[str, Usage]
    first: tuple[Future[First], ...]

    def result(self, heads: Sequence[Head[Any]]) -> First:
        """Wait for all pieces; of several that failed, the first one is told."""
        ended = [first.result() for first in self.first]
        for _, failure in ended:
            if failure is not None:
                return None, failure
        parts = [scored for scored, _ in ended if scored is not None]
        usage = {h.name: h.usage - self.usage[h.name] for h in heads if h.uses_judge}
        return joined(parts, self.captions, usage), None
