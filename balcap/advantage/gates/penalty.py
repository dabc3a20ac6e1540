"""Gate `penalty`: the further a length is from the reference's, the more it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from balcap.advantage.arrays import HeadMask, PerCaption
from balcap.advantage.gates.base import Band, Gate
from balcap.advantage.matrix import RewardMatrix
from balcap.config.checks import at_least


@dataclass(frozen=True, kw_only=True)
class PenaltyGate(Gate):
    """Takes slope * min(1, |ratio - 1|) off the scores; knows no band.

    BalCapRL compares its masking with "a linear length penalty" and does not give the formula:
    this form, its slope and its cap are ours. A head of range [0, 1] can fall to -slope. A caption
    without a reference pays nothing.

    Attributes:
        slope: largest penalty, in units of the score; at least 0.
    """

    name: ClassVar[str] = "penalty"
    banded: ClassVar[bool] = False
    slope: float = 1.0

    def __post_init__(self) -> None:
        at_least("slope", self.slope, 0.0)
        if np.isinf(self.slope):
            raise ValueError(f"slope is {self.slope}; it must be a finite number")

    def __call__(
        self, matrix: RewardMatrix, ratio: PerCaption, gated: HeadMask, band: Band
    ) -> RewardMatrix:
        """See the class."""
        distance = np.minimum(1.0, np.abs(ratio - 1.0))
        penalty = self.slope * np.where(np.isnan(distance), 0.0, distance)
        return matrix.with_columns(values=matrix.values - penalty[:, None] * gated)
