"""What is to be said of held-out captions: heads, harmonic mean, length, exact grounding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from balcap.advantage.arrays import Float
from balcap.advantage.gates import within_band
from balcap.advantage.harmonic import harmonic_mean
from balcap.data.shapes.grounding import GROUNDING, ground
from balcap.data.shapes.scene import Scene
from balcap.heads import Head
from balcap.heads.lengths import CountTokens, Unit, ratios
from balcap.heads.scoring import Scored, score
from balcap.runs.metrics import finite
from balcap.runs.rollouts import explanation_of
from balcap.statistics import mean
from balcap.text import word_count
from balcap.types import Caption


@dataclass(frozen=True, slots=True)
class Band:
    """The length band that the gate rate counts, in a unit."""

    low: float
    high: float
    unit: Unit
    count_tokens: CountTokens


@dataclass(frozen=True, slots=True)
class Judged:
    """Captions with what was found out about them.

    Attributes:
        captions: N captions.
        scores: per head, [N] float64; NaN where unscored.
        reasons: per head, [N]; why a caption is unscored, else None.
        explanations: per head, [N]; why a score is what it is, None where the head does not say.
        measures: per measure of `measures_of`, [N] float64; NaN where it has no value.
        summary: the means, flat, as `summary.json` keeps them.
    """

    captions: tuple[Caption, ...]
    scores: Mapping[str, Float]
    reasons: Mapping[str, Sequence[str | None]]
    explanations: Mapping[str, Sequence[str | None]]
    measures: Mapping[str, Float]
    summary: dict[str, Any]

    def rows(self) -> list[dict[str, Any]]:
        """One row a caption: sample id, text, its score per head (None if unscored), measures, and
        why the scores are what they are."""
        return [
            {
                "sample": caption.sample.id,
                "caption": caption.text,
                "scores": {name: finite(column[i]) for name, column in self.scores.items()},
                "measures": {name: finite(column[i]) for name, column in self.measures.items()},
                "explanations": {
                    name: said for name, column in self.explanations.items() if (said := column[i])
                },
            }
            for i, caption in enumerate(self.captions)
        ]


Scorer = Callable[[Sequence[Head[Any]], Sequence[Caption]], Scored]


def judge(
    captions: Sequence[Caption],
    heads: Sequence[Head[Any]],
    balanced: Sequence[str],
    band: Band,
    scorer: Scorer = score,
) -> Judged:
    """Score captions of the held-out set.

    Args:
        captions: at least one.
        heads: every head to report.
        balanced: names of the heads that the harmonic mean is made of.
        band: of the gate rate.
        scorer: lets the heads score; default: at once, whatever becomes of their judges.

    Returns:
        With the `summary` of `summarize`.
    """
    scored = scorer(heads, captions)
    values = np.where(scored.matrix.scored, scored.matrix.values, np.nan)
    scores = {head.name: values[:, i] for i, head in enumerate(heads)}
    reasons = {head.name: [row[i] for row in scored.reasons] for i, head in enumerate(heads)}
    explanations = {
        head.name: [explanation_of(row[i]) for row in scored.cells] for i, head in enumerate(heads)
    }
    measures = measures_of(captions, band)
    summary = summarize(scores, measures, balanced)
    return Judged(tuple(captions), scores, reasons, explanations, measures, summary)


def measures_of(captions: Sequence[Caption], band: Band) -> dict[str, Float]:
    """What is known of N captions without a head: per measure, [N] float64, NaN where it has none.

    `words`; `gate_rate`, 1 in the band and 0 outside of it, without a value where the sample has no
    reference; on the shapes world the exact grounding, whose precisions have no value where the
    caption claims nothing.

    Args:
        captions: at least one.
        band: of the gate rate.
    """
    ratio = ratios(captions, band.unit, band.count_tokens)
    in_band = within_band(ratio, band.low, band.high)
    return {
        "words": np.array([word_count(caption.text) for caption in captions], dtype=np.float64),
        "gate_rate": np.where(np.isnan(ratio), np.nan, in_band),
        **_grounding(captions),
    }


def summarize(
    scores: Mapping[str, Float], measures: Mapping[str, Float], balanced: Sequence[str]
) -> dict[str, Any]:
    """What is said of scored captions, flat, as `summary.json` keeps it.

    Args:
        scores: per head, [N] float64; NaN where unscored.
        measures: of the same N captions, at least one; as `measures_of` has them.
        balanced: names of the heads that the harmonic mean is made of.

    Returns:
        One mean per head over its scored captions (None if there are none), `harmonic_mean`, one
        mean per measure over the captions that have it, `captions` (N), and `scored` (per head, how
        many of them have a score).
    """
    means = {name: mean(column) for name, column in scores.items()}
    return {
        **means,
        "harmonic_mean": harmonic_mean([means[name] for name in balanced]),
        **{name: mean(column) for name, column in measures.items()},
        "captions": len(measures["words"]),
        "scored": {name: int((~np.isnan(column)).sum()) for name, column in scores.items()},
    }


def _grounding(captions: Sequence[Caption]) -> dict[str, Float]:
    scenes = [caption.sample.metadata.get("scene") for caption in captions]
    if not all(isinstance(scene, Scene) for scene in scenes):
        return {}
    found = [ground(c.text, s) for c, s in zip(captions, scenes, strict=True) if s is not None]
    return {
        name: np.array([getattr(one, name) for one in found], dtype=np.float64)
        for name in (*GROUNDING, "fact_f1")
    }
