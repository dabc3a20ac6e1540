"""Gate `zero`: outside the band, a score becomes 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from balcap.advantage.arrays import HeadMask, PerCaption
from balcap.advantage.gates.base import Band, Gate, outside_band
from balcap.advantage.matrix import RewardMatrix


@dataclass(frozen=True, kw_only=True)
class ZeroGate(Gate):
    """Outside the band, a score becomes 0: in the group's mean and std it is punished.

    BalCapRL, arXiv 2605.07394, which sets the linguistic reward to 0 unless 0.5 <= ratio <= 2.
    """

    name: ClassVar[str] = "zero"

    def __call__(
        self, matrix: RewardMatrix, ratio: PerCaption, gated: HeadMask, band: Band
    ) -> RewardMatrix:
        """See the class."""
        outside = outside_band(ratio, gated, band)
        return matrix.with_columns(values=np.where(outside, 0.0, matrix.values))
