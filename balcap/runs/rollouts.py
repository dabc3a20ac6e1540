"""The captions of one step from all processes, with everything that was made of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from balcap.advantage.arrays import Float
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.rule import AdvantageRule, Credit
from balcap.heads.lengths import Unit, ratios
from balcap.heads.scoring import Scored
from balcap.judges.usage import Usage
from balcap.text import word_count
from balcap.types import Caption, HeadScore, Score


@dataclass(frozen=True, slots=True)
class Row:
    """One caption as it travels between processes: plain values only.

    Attributes:
        sample: the sample's id.
        group: number of the group it is compared in, the same on every process.
        text: the caption.
        tokens: its length in policy tokens.
        words: its length in words.
        ratio: its length over the reference's, in the run's unit; NaN without a reference.
        scores: one per head; None where unscored.
        reasons: one per head; why it is unscored, else None.
        explanations: one per head; why the score is what it is, None where the head does not say.
        evidence: one per head; JSON text of what the explanation is made of, or None.
    """

    sample: str
    group: int
    text: str
    tokens: int
    words: int
    ratio: float
    scores: tuple[float | None, ...]
    reasons: tuple[str | None, ...]
    explanations: tuple[str | None, ...] = ()
    evidence: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollouts:
    """A step's rows from all processes, in one order, with their credit, and with what the judge
    of each head that asks one was asked for them."""

    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    matrix: RewardMatrix
    ratio: Float
    credit: Credit
    usage: Mapping[str, Usage] = field(default_factory=dict)

    @staticmethod
    def of(
        heads: Sequence[str],
        rows: Sequence[Row],
        rule: AdvantageRule,
        usage: Mapping[str, Usage] | None = None,
        progress: float = 0.0,
    ) -> Rollouts:
        """Give credit to whole groups, when a share `progress` of the training is over."""
        matrix = RewardMatrix(
            values=np.array([[s or 0.0 for s in row.scores] for row in rows]),
            scored=np.array([[s is not None for s in row.scores] for row in rows]),
            group=np.array([row.group for row in rows]),
            heads=tuple(heads),
        )
        ratio = np.array([row.ratio for row in rows])
        credit = rule(matrix, ratio, progress)
        return Rollouts(tuple(heads), tuple(rows), matrix, ratio, credit, usage or {})

    def columns(self, step: int) -> dict[str, Sequence[Any]]:
        """The table that a run keeps: one row a caption.

        Of the caption: `step`, `sample`, `group`, `caption`, its length in `tokens` and `words`,
        its `ratio` to the reference's (null without one), whether that is `in_band`, `advantage`.
        Per head H: `H` the raw score (null where unscored), `H.reason` why it is unscored,
        `H.gated` the score that the gate left, `H.credit` its weighted normalised score; and from
        a head that says why, `H.explanation` and `H.evidence` (JSON).
        """
        table: dict[str, Sequence[Any]] = {
            "step": [step] * len(self.rows),
            "sample": [row.sample for row in self.rows],
            "group": [row.group for row in self.rows],
            "caption": [row.text for row in self.rows],
            "tokens": [row.tokens for row in self.rows],
            "words": [row.words for row in self.rows],
            "ratio": [None if np.isnan(row.ratio) else row.ratio for row in self.rows],
            "in_band": self.credit.in_band.tolist(),
            "advantage": self.credit.advantage.tolist(),
        }
        gated = self.credit.gated
        for index, head in enumerate(self.heads):
            left = zip(gated.values[:, index], gated.scored[:, index], strict=True)
            table[head] = [row.scores[index] for row in self.rows]
            table[f"{head}.reason"] = [row.reasons[index] for row in self.rows]
            table[f"{head}.gated"] = [float(value) if scored else None for value, scored in left]
            table[f"{head}.credit"] = self.credit.per_head[:, index].tolist()
            for name in ("explanation", "evidence"):
                said = [_of(row, name, index) for row in self.rows]
                if any(said):
                    table[f"{head}.{name}"] = said
        return table


def _of(row: Row, name: Literal["explanation", "evidence"], head: int) -> str | None:
    column = row.explanations if name == "explanation" else row.evidence
    return column[head] if column else None


def rows_of(
    captions: Sequence[Caption],
    groups: Sequence[int],
    scored: Scored,
    unit: Unit,
    count_tokens: Callable[[str], int],
) -> list[Row]:
    """This process's captions as rows.

    Args:
        captions: N captions.
        groups: [N] numbers of their groups.
        scored: their scores.
        unit: what lengths are counted in.
        count_tokens: the policy's tokenizer.
    """
    ratio = ratios(captions, unit, count_tokens)
    return [
        Row(
            sample=caption.sample.id,
            group=groups[i],
            text=caption.text,
            tokens=count_tokens(caption.text) if caption.num_tokens is None else caption.num_tokens,
            words=word_count(caption.text),
            ratio=float(ratio[i]),
            scores=tuple(
                float(value) if is_scored else None
                for value, is_scored in zip(
                    scored.matrix.values[i], scored.matrix.scored[i], strict=True
                )
            ),
            reasons=scored.reasons[i],
            explanations=tuple(map(explanation_of, scored.cells[i])),
            evidence=tuple(map(_evidence_of, scored.cells[i])),
        )
        for i, caption in enumerate(captions)
    ]


def explanation_of(cell: HeadScore) -> str | None:
    """Why a score is what it is; None for a plain number, or where there is no score."""
    return (cell.explanation or None) if isinstance(cell, Score) else None


def _evidence_of(cell: HeadScore) -> str | None:
    if not isinstance(cell, Score) or not cell.evidence:
        return None
    return json.dumps(cell.evidence, ensure_ascii=False)
