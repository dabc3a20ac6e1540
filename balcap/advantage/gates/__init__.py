"""What becomes of a head's score when the caption is much shorter or longer than its reference?

BalCapRL (arXiv 2605.07394) sets the linguistic reward to 0 unless 0.5 <= ratio <= 2: the mode
`zero`. "Masking" is used for three different algorithms, and they are not equal, so each has a
name here. With a gated head alone and a group of which only some captions pass:

- `zero`: the others hold a score of 0 in the group's mean and std, so they are punished.
- `exclude`: the others leave the head; those that pass are compared with each other only.
- `post`: all are normalised together, then the others' normalised scores are set to 0. The
  group's advantages no longer add up to 0.

The ratio is caption length / reference length, in whatever unit the caller counts (the paper does
not say which). A ratio of NaN (no reference) passes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from balcap.advantage.matrix import Bool, Float, RewardMatrix
from balcap.config import GATES
from balcap.errors import did_you_mean


def within_band(ratio: Float, low: float = 0.5, high: float = 2.0) -> Bool:
    """Which captions pass: low <= ratio <= high, both ends included, or no reference.

    Args:
        ratio: [N] caption length / reference length; NaN where there is no reference.
        low: lowest ratio that passes. The default is BalCapRL's.
        high: highest ratio that passes. The default is BalCapRL's.

    Returns:
        [N] bool.

    Raises:
        ValueError: unless low < high.
    """
    if not low < high:
        raise ValueError(f"the band is {low} to {high}; it needs low < high")
    ratio = np.asarray(ratio, dtype=np.float64)
    return np.isnan(ratio) | ((ratio >= low) & (ratio <= high))


def gate(
    matrix: RewardMatrix,
    ratio: Float,
    *,
    heads: Iterable[str],
    low: float = 0.5,
    high: float = 2.0,
    mode: str = "zero",
) -> RewardMatrix:
    """Make some heads depend on the caption's length; the other heads stay as they are.

    Args:
        matrix: scores of N captions.
        ratio: [N] caption length / reference length; NaN where there is no reference.
        heads: names of the gated heads.
        low: lowest ratio that passes.
        high: highest ratio that passes.
        mode: `zero`, `exclude` or `post` (see the top of this file) for captions outside the
            band; `penalty` for `length_penalty`, which knows no band; `none` to change nothing.

    Returns:
        A new matrix. A cell that was not scored stays so.

    Raises:
        ValueError: for an unknown head or mode, a ratio of the wrong shape, or an empty band.
    """
    if mode not in GATES:
        raise ValueError(f"no gate {mode!r}; have {', '.join(GATES)}{did_you_mean(mode, GATES)}")
    if mode == "none":
        return matrix
    if mode == "penalty":
        return length_penalty(matrix, ratio, heads)
    outside = (
        _columns(matrix, heads) & ~within_band(_per_caption(matrix, ratio), low, high)[:, None]
    )
    if mode == "exclude":
        return matrix.with_columns(scored=matrix.scored & ~outside)
    if mode == "post":
        return matrix.with_columns(kept=matrix.kept & ~outside)
    return matrix.with_columns(values=np.where(outside, 0.0, matrix.values))


def length_penalty(
    matrix: RewardMatrix, ratio: Float, heads: Iterable[str], slope: float = 1.0
) -> RewardMatrix:
    """Take slope * min(1, |ratio - 1|) off the scores of some heads.

    BalCapRL compares its masking with "a linear length penalty" and does not give the formula:
    this form, its slope and its cap are ours. A head of range [0, 1] can fall to -slope.

    Args:
        matrix: scores of N captions.
        ratio: [N] caption length / reference length; NaN (no reference) costs nothing.
        heads: names of the heads that pay.
        slope: largest penalty, in units of the score; at least 0.

    Returns:
        A new matrix. A cell that was not scored stays so.

    Raises:
        ValueError: for an unknown head, a ratio of the wrong shape, or a negative slope.
    """
    if not (slope >= 0.0 and math.isfinite(slope)):
        raise ValueError(f"slope is {slope}; it must be a number of at least 0")
    distance = np.minimum(1.0, np.abs(_per_caption(matrix, ratio) - 1.0))
    penalty = slope * np.where(np.isnan(distance), 0.0, distance)
    return matrix.with_columns(values=matrix.values - penalty[:, None] * _columns(matrix, heads))


def _columns(matrix: RewardMatrix, heads: Iterable[str]) -> Bool:
    """[H] bool: True for the named heads."""
    chosen = np.zeros(len(matrix.heads), dtype=np.bool_)
    chosen[[matrix.column(head) for head in heads]] = True
    return chosen


def _per_caption(matrix: RewardMatrix, ratio: Float) -> Float:
    ratio = np.asarray(ratio, dtype=np.float64)
    if ratio.shape != (len(matrix),):
        raise ValueError(
            f"ratio has shape {ratio.shape}; it must be one number for each of the "
            f"{len(matrix)} captions"
        )
    return ratio
