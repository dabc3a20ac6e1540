"""How much was a judge asked, and what did it take?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts of one head's questions. `a + b` and `a - b` count field by field.

    Attributes:
        questions: asked by the head.
        cached: of these, not sent to the judge for this head: known already, or on their way for
            another head or for the same one.
        failed: not answered, or in the end not usably.
        prompt_tokens: of the questions that the judge was asked.
        completion_tokens: of its answers.
        seconds: sum of the answers' latencies; they overlap.
        dollars: cost by the prices that were set; 0 without prices.
        unusable: whose first answer could not be used.
        redrawn: of the questions, those that were asked again for that reason.
        dropped: for which no draw gave a usable answer.
    """

    questions: int = 0
    cached: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    dollars: float = 0.0
    unusable: int = 0
    redrawn: int = 0
    dropped: int = 0

    @property
    def first_asked(self) -> int:
        """Questions without those that were asked again."""
        return self.questions - self.redrawn

    def __add__(self, other: Usage) -> Usage:
        return self._by_field(other, 1)

    def __sub__(self, other: Usage) -> Usage:
        return self._by_field(other, -1)

    def _by_field(self, other: Usage, sign: int) -> Usage:
        pairs = {
            f.name: getattr(self, f.name) + sign * getattr(other, f.name) for f in fields(self)
        }
        return Usage(**pairs)


@contextmanager
def account() -> Iterator[list[Usage]]:
    """Receive what is asked in this thread, and in what is awaited from it, until this is left.

    Two batches may be scored at once by the same heads: what a judge was asked in all, before and
    after, does not say for which of them.
    """
    entries: list[Usage] = []
    before = _ACCOUNT.set(entries)
    try:
        yield entries
    finally:
        _ACCOUNT.reset(before)


def enter(usage: Usage) -> None:
    """Add to the account that is open here, if any is."""
    entries = _ACCOUNT.get()
    if entries is not None:
        entries.append(usage)


_ACCOUNT: ContextVar[list[Usage] | None] = ContextVar("account", default=None)
