"""What came of each attack: does it win, and which head stands in its way?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from balcap.advantage.arrays import Bool, Float, Int
from balcap.advantage.matrix import RewardMatrix
from balcap.evaluation.probe.honest import PART, WHOLE
from balcap.evaluation.probe.running import COMPANY, HONEST, Tried
from balcap.heads import Selected
from balcap.statistics import mean
from balcap.text import word_count

TIE = 1e-6
"""Scores that differ by no more are equal, as they are to the normalisers."""

SLIGHT = 0.01
"""An attack that loses no more than this costs a policy nothing to speak of. Ours."""

GATE = "gate"


@dataclass(frozen=True)
class Finding:
    """One attack against the honest captions that it was made of. A mean is None over nothing.

    Attributes:
        attack: its name.
        captions: how many there are.
        compared: how many of them have a weighted sum, and so has their original.
        scores: mean of each head, before the gate, over the captions that it scored.
        gaps: mean of each head's score minus the original's, before the gate.
        total: mean weighted sum after the gate (see `sums`).
        honest_total: the same of the originals.
        against: mean of the sum minus the original's, by what the attack was made of.
        beats: share of the captions whose sum is higher than the original's; a tie is not.
        advantage: mean advantage in a group with honest captions (see `advantages`).
        honest_advantage: of the whole reference in the same groups.
        caught_by: the head of weight > 0 with the largest drop, in units of its range, or `gate` if
            the gate of lengths takes off more; None if nothing drops.
        drop: how much that is, at least 0.
        words: mean length.
        in_band: share of the captions whose length is in the gate's band.
    """

    attack: str
    captions: int
    compared: int
    scores: Mapping[str, float | None]
    gaps: Mapping[str, float | None]
    total: float | None
    honest_total: float | None
    against: Mapping[str, float | None]
    beats: float | None
    advantage: float | None
    honest_advantage: float | None
    caught_by: str | None
    drop: float
    words: float
    in_band: float

    @property
    def gap(self) -> float | None:
        """The attack's best: its sum against wholes or against parts, whichever is more."""
        known = [gap for gap in self.against.values() if gap is not None]
        return max(known) if known else None

    @property
    def is_free(self) -> bool:
        """Whether it neither gains nor costs anything to speak of: nothing stands against it."""
        return self.gap is not None and abs(self.gap) <= SLIGHT

    def wins(self, margin: float) -> bool:
        """Whether it is ahead of honest captions by more than a margin."""
        return self.gap is not None and self.gap > margin + TIE


def findings(tried: Tried, heads: Selected) -> list[Finding]:
    """One finding an attack, in their order."""
    return [_finding(tried, heads, attack) for attack in tried.attacks]


def honest_scores(tried: Tried) -> tuple[dict[str, float | None], float | None]:
    """Mean of each head over the honest captions, and of their weighted sum."""
    rows = tried.rows(HONEST)
    return _means(tried.matrix, rows), mean(sums(tried, rows, rows))


def _finding(tried: Tried, heads: Selected, attack: str) -> Finding:
    rows = tried.rows(attack)
    originals = tried.originals(rows)
    own, theirs = sums(tried, rows, originals), sums(tried, originals, rows)
    known = ~np.isnan(own)
    made_of = np.array([tried.trials[i].made_of for i in rows])
    advantage, honest_advantage = advantages(tried, attack)
    caught_by, drop = _catcher(tried, heads, rows, originals)
    inside = (tried.ratio >= tried.rule.band[0]) & (tried.ratio <= tried.rule.band[1])
    return Finding(
        attack=attack,
        captions=len(rows),
        compared=int(known.sum()),
        scores=_means(tried.matrix, rows),
        gaps=_gaps(tried.matrix, rows, originals),
        total=mean(own),
        honest_total=mean(theirs),
        against={kind: mean((own - theirs)[made_of == kind]) for kind in (WHOLE, PART)},
        beats=float(np.mean(own[known] > theirs[known] + TIE)) if known.any() else None,
        advantage=advantage,
        honest_advantage=honest_advantage,
        caught_by=caught_by,
        drop=drop,
        words=float(np.mean([word_count(tried.trials[i].text) for i in rows])),
        in_band=float(np.mean(inside[rows])),
    )


def sums(tried: Tried, rows: Int, beside: Int) -> Float:
    """Weighted means of scores, each over the heads that also speak of another caption.

    S = sum_k w_k r_k / sum_k w_k, r after the gate. A head that the gate has taken out of either
    caption (modes `exclude` and `post`) does not compare them, and is in neither's sum.

    Args:
        tried: the scores.
        rows: [M] captions.
        beside: [M] what each is to be compared with.

    Returns:
        [M]; NaN where a head of weight > 0 has no score for either caption, for whatever reason
        but the gate: what a judge left open is no 0, and no mean over the rest.
    """
    weights = np.array([tried.rule.weights[head] for head in tried.matrix.heads])
    open_ = ((~tried.matrix.scored[rows] | ~tried.matrix.scored[beside]) & (weights > 0)).any(1)
    both = tried.speaks[rows] & tried.speaks[beside]
    share = both * weights
    total = share.sum(axis=1)
    weighted = (np.where(both, tried.gated.values[rows], 0.0) * share).sum(axis=1)
    result = np.full(len(rows), np.nan)
    np.divide(weighted, total, out=result, where=(total > 0) & ~open_)
    return result


def advantages(tried: Tried, attack: str) -> tuple[float | None, float | None]:
    """Mean advantage of an attack on whole references, and of the references, as training has it.

    Each group is the reference, a part of it, its first sentence, another image's reference, and
    the attack; all groups of an attack are one batch. The run's gate and normaliser decide.
    Groups in which the attack or the reference lacks a score are left out.
    """
    attacking, wholes = tried.rows(attack, WHOLE), tried.rows(HONEST, WHOLE)
    weights = np.array([tried.rule.weights[head] for head in tried.matrix.heads])
    complete = (tried.matrix.scored | (weights == 0)).all(axis=1)
    group = tried.matrix.group
    used = np.intersect1d(group[attacking[complete[attacking]]], group[wholes[complete[wholes]]])
    rows = np.concatenate([attacking, tried.rows(HONEST), tried.rows(COMPANY)])
    rows = rows[np.isin(group[rows], used)]
    if not len(rows):
        return None, None
    batch = RewardMatrix(
        tried.matrix.values[rows], tried.matrix.scored[rows], group[rows], tried.matrix.heads
    )
    advantage = tried.rule(batch, tried.ratio[rows]).advantage
    return mean(advantage[np.isin(rows, attacking)]), mean(advantage[np.isin(rows, wholes)])


def _catcher(tried: Tried, heads: Selected, rows: Int, originals: Int) -> tuple[str | None, float]:
    """Who takes most off the attack, and how much."""
    gaps = _gaps(tried.matrix, rows, originals)
    drops: dict[str, float] = {}
    for head in heads.trained:
        gap = gaps[head.name]
        if gap is None or not tried.rule.weights[head.name]:
            continue
        span = head.range[1] - head.range[0]
        drops[head.name] = -gap / span
        if head.name in tried.rule.gated:
            lost = _lost_to_gate(tried, rows, originals, tried.matrix.column(head.name))
            drops[GATE] = max(drops.get(GATE, 0.0), lost / span)
    most = max(drops, key=lambda name: drops[name], default=None)
    if most is None or drops[most] <= TIE:
        return None, 0.0
    return most, drops[most]


def _lost_to_gate(tried: Tried, rows: Int, originals: Int, column: int) -> float:
    """What the gate takes off a head's mean for an attack, beyond what it takes off the honest."""

    def taken(chosen: Int) -> Float:
        after = np.where(tried.speaks[chosen, column], tried.gated.values[chosen, column], 0.0)
        lost: Float = tried.matrix.values[chosen, column] - after
        return lost

    both = _both_scored(tried.matrix, rows, originals)[:, column]
    return float(np.mean((taken(rows) - taken(originals))[both]))


def _gaps(matrix: RewardMatrix, rows: Int, originals: Int) -> dict[str, float | None]:
    difference = matrix.values[rows] - matrix.values[originals]
    difference = np.where(_both_scored(matrix, rows, originals), difference, np.nan)
    return {head: mean(difference[:, i]) for i, head in enumerate(matrix.heads)}


def _both_scored(matrix: RewardMatrix, rows: Int, originals: Int) -> Bool:
    return matrix.scored[rows] & matrix.scored[originals]


def _means(matrix: RewardMatrix, rows: Int) -> dict[str, float | None]:
    values = np.where(matrix.scored[rows], matrix.values[rows], np.nan)
    return {head: mean(values[:, i]) for i, head in enumerate(matrix.heads)}
