"""What do the heads say of captions that were asked for? Captions -> rows of plain JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from balcap.advantage.gates import within_band
from balcap.advantage.rule import AdvantageRule
from balcap.errors import HeadError, UnreadableImageError
from balcap.heads import Head
from balcap.heads.lengths import Unit, ratios
from balcap.heads.scoring import Scored, score
from balcap.serving.items import Asked
from balcap.text import word_count
from balcap.types import HeadScore, Score, Unscored

if TYPE_CHECKING:
    from balcap.serving.metrics import Metrics  # needs Prometheus's package, and scoring does not

Row = Mapping[str, Any]
"""What is answered for one caption."""


@dataclass(frozen=True)
class Scorer:
    """Lets the heads score. Heads take one call at a time, and so does this.

    Attributes:
        heads: H heads.
        rule: their weights, and the gate.
        unit: what lengths are counted in.
        metrics: counts what was scored; None where nobody reads it.
    """

    heads: Sequence[Head[Any]]
    rule: AdvantageRule
    unit: Unit
    metrics: Metrics | None = None

    def __call__(self, asked: Sequence[Asked]) -> list[Row | Exception]:
        """A row each, in their order; or what a head raised over that caption alone.

        Raises:
            UserError, RunError: as a head raises them, of whichever caption.
        """
        found: dict[int, Row | Exception] = {}
        for numbers in _rounds(asked):
            found |= zip(numbers, self._rows([asked[n] for n in numbers]), strict=True)
        return [found[number] for number in range(len(asked))]

    def _rows(self, asked: Sequence[Asked]) -> Sequence[Row | Exception]:
        try:
            return self._scored(asked)
        except (HeadError, UnreadableImageError) as error:
            if len(asked) == 1:
                return [error]
        # one of them is at fault, and the others are not to lose their scores
        return [row for each in asked for row in self._rows([each])]

    def _scored(self, asked: Sequence[Asked]) -> list[Row]:
        captions = [each.caption for each in asked]
        scored = score(self.heads, captions)
        ratio = ratios(captions, self.unit, word_count)
        gated = self.rule.gate_scores(scored.matrix, ratio)
        counted = np.where(gated.scored, gated.values, np.nan)
        if self.metrics is not None:
            self.metrics.scored(scored)
        in_band = within_band(ratio, *self.rule.band)
        return [
            {
                "id": caption.sample.id,
                "heads": self._heads(scored, counted[i], i),
                "ratio": None if np.isnan(ratio[i]) else float(ratio[i]),
                "in_band": bool(in_band[i]),
                "total": self._total(scored, counted[i], i),
            }
            for i, caption in enumerate(captions)
        ]

    def _heads(self, scored: Scored, counted: Any, i: int) -> dict[str, Any]:
        return {
            name: {**_cell(cell), "counted": None if np.isnan(value) else float(value)}
            for name, cell, value in zip(scored.matrix.heads, scored.cells[i], counted, strict=True)
        }

    def _total(self, scored: Scored, counted: Any, i: int) -> float | None:
        """GRPO's sum, over the heads that count after the gate; None where a weighted head gave no
        score: a sum of the others would be compared with sums of all."""
        weights = np.array([self.rule.weights[name] for name in scored.matrix.heads])
        if not scored.matrix.scored[i, weights > 0].all():
            return None
        return float(np.nansum(weights * counted))


def _rounds(asked: Sequence[Asked]) -> Iterator[list[int]]:
    """Numbers of captions that can be scored together: those of one id have one sample.

    Heads know samples by their ids, and two programs may give the same id to different images.
    """
    left = list(range(len(asked)))
    while left:
        holds: dict[str, str] = {}
        now: list[int] = []
        later: list[int] = []
        for number in left:
            each = asked[number]
            same = holds.setdefault(each.caption.sample.id, each.content) == each.content
            (now if same else later).append(number)
        yield now
        left = later


def _cell(cell: HeadScore) -> dict[str, Any]:
    if isinstance(cell, Unscored):
        return {"score": None, "reason": cell.reason, "cause": cell.cause}
    found: dict[str, Any] = {"score": float(cell)}
    if isinstance(cell, Score) and cell.explanation:
        found["explanation"] = cell.explanation
    if isinstance(cell, Score) and cell.evidence:
        found["evidence"] = dict(cell.evidence)
    return found
