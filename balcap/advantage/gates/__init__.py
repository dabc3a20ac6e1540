"""What becomes of a head's score when the caption is much shorter or longer than its reference?

BalCapRL (arXiv 2605.07394) sets the linguistic reward to 0 unless 0.5 <= ratio <= 2: the gate
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

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from balcap.advantage.gates.base import Band, Gate, within_band
from balcap.advantage.matrix import RewardMatrix
from balcap.config.methods import GATE_KIND
from balcap.errors import UserError
from balcap.plugins import configured, find_class

__all__ = ["Band", "Gate", "apply", "find_gate", "gate", "length_penalty", "within_band"]


def find_gate(reference: str) -> type[Gate]:
    """The class of a gate: built in, installed, `package.module:Class` or `path.py:Class`.

    Raises:
        UserError: if there is none, or it breaks the contract of `Gate`.
    """
    return find_class(GATE_KIND, reference, Gate)  # type: ignore[type-abstract]


def gate(
    matrix: RewardMatrix,
    ratio: ArrayLike,
    *,
    heads: Iterable[str],
    low: float = 0.5,
    high: float = 2.0,
    mode: str = "zero",
    **settings: Any,
) -> RewardMatrix:
    """Make some heads depend on the caption's length; the other heads stay as they are.

    Args:
        matrix: scores of N captions.
        ratio: [N] caption length / reference length; NaN where there is no reference.
        heads: names of the gated heads.
        low: lowest ratio that passes.
        high: highest ratio that passes.
        mode: name of the gate (see the top of this file), or `path.py:Class`.
        **settings: of the gate, such as `slope` of `penalty`.

    Returns:
        A new matrix. A cell that was not scored stays so.

    Raises:
        ValueError: for an unknown head, gate or setting, a ratio of the wrong shape, or an empty
            band.
    """
    try:
        chosen = configured(find_gate(mode), settings)
    except UserError as error:
        raise ValueError(str(error)) from error
    return apply(chosen, matrix, ratio, heads, (low, high))


def apply(
    chosen: Gate, matrix: RewardMatrix, ratio: ArrayLike, heads: Iterable[str], band: Band
) -> RewardMatrix:
    """Let a gate act on the named heads. Raises ValueError as `gate` does."""
    gated = np.zeros(len(matrix.heads), dtype=np.bool_)
    gated[[matrix.column(head) for head in heads]] = True
    lengths = np.asarray(ratio, dtype=np.float64)
    if lengths.shape != (len(matrix),):
        raise ValueError(
            f"ratio has shape {lengths.shape}; it must be one number for each of the "
            f"{len(matrix)} captions"
        )
    return chosen(matrix, lengths, gated, band)


def length_penalty(
    matrix: RewardMatrix, ratio: ArrayLike, heads: Iterable[str], slope: float = 1.0
) -> RewardMatrix:
    """The gate `penalty` alone. Raises ValueError as `gate` does."""
    return gate(matrix, ratio, heads=heads, mode="penalty", slope=slope)
