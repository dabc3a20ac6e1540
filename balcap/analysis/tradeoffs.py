"""Who pays for whom? Several scores at once: harmonic mean, Pareto front, hypervolume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from balcap.advantage.arrays import Bool, Float
from balcap.advantage.harmonic import harmonic_mean as of_values


def harmonic_mean(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series[float]:
    """Harmonic mean of each row over some columns, in the form of BalCapRL's b-CapScore.

    0 where one of the values is 0 or below; NaN where one is missing, or there are no columns.
    """
    rows = frame[list(columns)].to_numpy(dtype=np.float64)
    means = [of_values([None if np.isnan(x) else float(x) for x in row]) for row in rows]
    return pd.Series(means, index=frame.index, dtype="float64")


def pareto_front(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The rows than which no other row is at least as good in every column and better in one.

    Args:
        frame: such as `runs_df`.
        columns: scores; more is better in each.

    Returns:
        Rows of `frame`, in its order and with its index. Equal rows all stay; a row in which one
        of the scores is missing is left out.
    """
    import moocore

    known = frame.dropna(subset=list(columns))
    if known.empty:
        return known
    scores = known[list(columns)].to_numpy(dtype=np.float64)
    best: Bool = moocore.is_nondominated(scores, maximise=True, keep_weakly=True)
    return known.loc[best]


def hypervolume(
    frame: pd.DataFrame, columns: Sequence[str], reference: float | Sequence[float] = 0.0
) -> float:
    """Volume between a reference point and the Pareto front, exact (moocore).

    Args:
        frame: such as `runs_df`.
        columns: K scores; more is better in each.
        reference: the worst point, K numbers or one for all; a row counts with what it has above
            it in every column.

    Returns:
        In units of the scores to the power of K: at most 1 for scores in [0, 1] and reference 0.
        0 if no row is above the reference in every column. Rows in which a score is missing do
        not count.
    """
    import moocore

    scores: Float = frame.dropna(subset=list(columns))[list(columns)].to_numpy(dtype=np.float64)
    worst = np.broadcast_to(np.asarray(reference, dtype=np.float64), (len(columns),))
    above = scores[(scores > worst).all(axis=1)]
    return float(moocore.hypervolume(above, ref=worst, maximise=True)) if len(above) else 0.0
