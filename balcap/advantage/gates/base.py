"""What is a gate, and which captions are outside its band?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from balcap.advantage.arrays import CaptionMask, CellMask, HeadMask, PerCaption
from balcap.advantage.matrix import RewardMatrix

Band: TypeAlias = tuple[float, float]
"""Lowest and highest length ratio that passes, both included."""


@dataclass(frozen=True, kw_only=True)
class Gate(ABC):
    """What becomes of some heads' scores by the caption's length; its fields are its settings.

    A subclass is a frozen data class whose docstring is its help, and has a `name`.
    """

    name: ClassVar[str]
    banded: ClassVar[bool] = True
    """Whether it acts on what lies outside the band (else the band means nothing to it)."""
    acts: ClassVar[bool] = True
    """Whether it changes anything, and so needs references."""

    @abstractmethod
    def __call__(
        self, matrix: RewardMatrix, ratio: PerCaption, gated: HeadMask, band: Band
    ) -> RewardMatrix:
        """Return a new matrix; a cell that was not scored stays so, and other heads as they are.

        Args:
            matrix: scores of N captions by H heads.
            ratio: [N] caption length / reference length; NaN where there is no reference.
            gated: [H] True for the heads that it acts on.
            band: lengths that pass.
        """


def within_band(ratio: ArrayLike, low: float = 0.5, high: float = 2.0) -> CaptionMask:
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
    lengths = np.asarray(ratio, dtype=np.float64)
    return np.isnan(lengths) | ((lengths >= low) & (lengths <= high))


def outside_band(ratio: PerCaption, gated: HeadMask, band: Band) -> CellMask:
    """[N, H] True for the gated heads' cells of captions outside the band."""
    return np.asarray(gated & ~within_band(ratio, *band)[:, None])
