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
        summary: the means, flat, as `summary.json` keeps them.
    """

    captions: tuple[Caption, ...]
    scores: Mapping[str, Float]
    reasons: Mapping[str, Sequence[str | None]]
    explanations: Mapping[str, Sequence[str | None]]
    summary: dict[str, Any]

    def rows(self) -> list[dict[str, Any]]:
        """One row a caption: sample id, text, its score per head (None if unscored), and why."""
        return [
            {
                "sample": caption.sample.id,
                "caption": caption.text,
                "scores": {name: finite(column[i]) for name, column in self.scores.items()},
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
    summary = summarize(captions, scores, balanced, band)
    return Judged(tuple(captions), scores, reasons, explanations, summary)


def summarize(
    captions: Sequence[Caption], scores: Mapping[str, Float], balanced: Sequence[str], band: Band
) -> dict[str, Any]:
    """What is said of scored captions, flat, as `summary.json` keeps it.

    Args:
        captions: N captions, at least one.
        scores: per head, [N] float64; NaN where unscored.
        balanced: names of the heads that the harmonic mean is made of.
        band: of the gate rate.

    Returns:
        One mean per head over its scored captions (None if there are none), `scored` (how many
        those are), `harmonic_mean`, `words`, `gate_rate`, and on the shapes world the exact
        grounding: recalls and `fact_f1` over all captions, precisions over those that claim
        anything.
    """
    means = {name: mean(column) for name, column in scores.items()}
    ratio = ratios(captions, band.unit, band.count_tokens)
    in_band = within_band(ratio, band.low, band.high)
    known = ~np.isnan(ratio)
    summary: dict[str, Any] = {
        **means,
        "harmonic_mean": harmonic_mean([means[name] for name in balanced]),
        "words": float(np.mean([word_count(caption.text) for caption in captions])),
        "gate_rate": float(in_band[known].mean()) if known.any() else None,
        "captions": len(captions),
        "scored": {name: int((~np.isnan(column)).sum()) for name, column in scores.items()},
    }
    return summary | _grounding(captions)


def _grounding(captions: Sequence[Caption]) -> dict[str, float | None]:
    scenes = [caption.sample.metadata.get("scene") for caption in captions]
    if not all(isinstance(scene, Scene) for scene in scenes):
        return {}
    found = [ground(c.text, s) for c, s in zip(captions, scenes, strict=True) if s is not None]
    return {
        name: mean(np.array([getattr(one, name) for one in found], dtype=np.float64))
        for name in (*GROUNDING, "fact_f1")
    }
