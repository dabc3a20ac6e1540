"""How sure is a score? 95% percentile intervals, drawn over samples.

Items of one sample (the fifty questions about one image) are right or wrong together, because one
caption answers them all: drawing single questions would make the interval several times too
narrow. So whole samples are drawn, each with all its items.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from balcap.advantage.matrix import Float

Interval = tuple[float, float]
Score = Callable[[Float], Float]
"""From means [..., K] to scores [...]; see `EvalProtocol.score`."""

RESAMPLES = 9999
LEVEL = 0.95
_AT_ONCE = 2_000_000  # numbers gathered at a time: 16 MB


def interval(
    values: Float, samples: Sequence[Hashable], score: Score, seed: int = 0
) -> Interval | None:
    """Percentile bootstrap interval of a score.

    Args:
        values: [N, K], the numbers of each item that the score is made of.
        samples: [N], which sample each item belongs to.
        score: the score of some means.
        seed: of the drawing; the same values, in the same order, give the same interval.

    Returns:
        Low and high end; None with fewer than two samples. Resamples in which the score has no
        value are left out.
    """
    return _percentiles(_sums(values, samples), score, seed)


def paired_interval(
    first: Float, second: Float, samples: Sequence[Hashable], score: Score, seed: int = 0
) -> Interval | None:
    """Interval of `score(second) - score(first)`, both of the same items, drawn together.

    What makes an item hard for both does not widen it. Arguments and result as in `interval`.
    """
    width = first.shape[1]

    def difference(means: Float) -> Float:
        return score(means[..., width:]) - score(means[..., :width])

    return _percentiles(_sums(np.hstack([first, second]), samples), difference, seed)


def point(values: Float, score: Score) -> float | None:
    """The score of all items; None where it has none, as with no item."""
    if not len(values):
        return None
    found = float(score(values.mean(axis=0)))
    return found if np.isfinite(found) else None


def _sums(values: Float, samples: Sequence[Hashable]) -> Float:
    """[S, K + 1]: the sums of each sample's items, and how many those are."""
    names = {name: row for row, name in enumerate(dict.fromkeys(samples))}
    sums = np.zeros((len(names), values.shape[1] + 1), dtype=np.float64)
    counted = np.hstack([values, np.ones((len(values), 1))])
    np.add.at(sums, [names[name] for name in samples], counted)
    return sums


def _percentiles(sums: Float, score: Score, seed: int) -> Interval | None:
    if len(sums) < 2:
        return None
    from scipy import stats

    def of_drawn(drawn: Float, axis: int) -> Float:
        whole = sums[drawn.astype(np.int64)].sum(axis=axis - 1 if axis < 0 else axis)
        with np.errstate(invalid="ignore", divide="ignore"):
            return score(whole[..., :-1] / whole[..., -1:])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # draws without a score
        found = stats.bootstrap(
            (np.arange(len(sums)),),
            of_drawn,
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=max(1, _AT_ONCE // sums.size),
            method="percentile",
            rng=np.random.default_rng(seed),
        ).bootstrap_distribution
    known = found[np.isfinite(found)]
    if not known.size:
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)
