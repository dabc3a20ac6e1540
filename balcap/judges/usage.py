"""How much was a judge asked, and what did it take?"""

from __future__ import annotations

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
