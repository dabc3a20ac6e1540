"""Does a metric rank models as people do? Spearman's rho and Kendall's tau, with intervals.

How BalCapRL (arXiv 2605.07394) validates b-CapScore: its ranking of models against CapArena's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from balcap import statistics
from balcap.advantage.arrays import Float

RESAMPLES = 999
LEVEL = 0.95
FEWEST = 3  # models of which an interval is given


@dataclass(frozen=True)
class Correlation:
    """One coefficient.

    Attributes:
        value: in [-1, 1]; None where it is not defined: fewer than two models, or one of the two
            scores is the same for all.
        interval: 95% percentile bootstrap over models; None with fewer than three, or where a
            value is not defined. With few models it is wide, and rightly so.
    """

    value: float | None
    interval: tuple[float, float] | None


def spearman(metric: Sequence[float], reference: Sequence[float], seed: int = 0) -> Correlation:
    """Spearman's rho of N models; ties get the mean of their ranks."""
    return _with_interval(statistics.spearman, metric, reference, seed)


def kendall(metric: Sequence[float], reference: Sequence[float], seed: int = 0) -> Correlation:
    """Kendall's tau-b of N models, which allows for ties."""
    return _with_interval(statistics.kendall, metric, reference, seed)


def _with_interval(
    coefficient: Callable[[Float, Float], float | None],
    metric: Sequence[float],
    reference: Sequence[float],
    seed: int,
) -> Correlation:
    pair = np.array([metric, reference], dtype=np.float64)
    value = coefficient(*pair)
    if value is None or pair.shape[1] < FEWEST:
        return Correlation(value, None)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, pair.shape[1], size=(RESAMPLES, pair.shape[1]))
    found = [coefficient(*pair[:, models]) for models in drawn]
    tail = (1 - LEVEL) / 2
    # a resample of one model only has no value
    low, high = np.quantile([one for one in found if one is not None], [tail, 1 - tail])
    return Correlation(value, (float(low), float(high)))
