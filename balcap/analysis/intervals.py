"""How sure is a mean over seeds?

An interval that is named 95% should hold the truth 95 times in 100. With few seeds a bootstrap
does not: measured on 300 draws of normal data, its 95% interval holds the true mean in 54% of
them with 2 values, in 75% with 3, 83% with 5 and 88% with 10. Student's t holds 95% for any
number of values, if they are roughly normal: for the few seeds of a sweep, take `t_interval`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from balcap.advantage.matrix import Float

Interval = tuple[float, float]
RESAMPLES = 9999


def bootstrap_interval(
    values: Iterable[float], level: float = 0.95, seed: int = 0
) -> Interval | None:
    """Percentile bootstrap of the mean (scipy), such as of one score over seeds or captions.

    Args:
        values: NaN does not count.
        level: share of the bootstrap means inside, between 0 and 1.
        seed: of the resampling: the same values and seed give the same interval.

    Returns:
        Low and high end. None with fewer than two values: one run says nothing of its spread.
        Both ends are the same where all values are.
    """
    known = _known(values, level)
    if len(known) < 2 or np.ptp(known) == 0:
        return _degenerate(known)
    from scipy import stats

    found = stats.bootstrap(
        (known,),
        np.mean,
        confidence_level=level,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def t_interval(values: Iterable[float], level: float = 0.95) -> Interval | None:
    """Student's t interval of the mean: mean +- t * s / sqrt(n), with n - 1 degrees of freedom.

    Arguments, returned value and degenerate cases as in `bootstrap_interval`.
    """
    known = _known(values, level)
    if len(known) < 2 or np.ptp(known) == 0:
        return _degenerate(known)
    from scipy import special

    t = special.stdtrit(len(known) - 1, (1 + level) / 2)
    half = float(t * known.std(ddof=1) / np.sqrt(len(known)))
    return float(known.mean()) - half, float(known.mean()) + half


def _known(values: Iterable[float], level: float) -> Float:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1, such as 0.95")
    known = np.array(list(values), dtype=np.float64)
    return known[~np.isnan(known)]


def _degenerate(known: Float) -> Interval | None:
    return (float(known[0]), float(known[0])) if len(known) > 1 else None
