"""Gate `exclude`: outside the band, a cell leaves the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from balcap.advantage.arrays import HeadMask, PerCaption
from balcap.advantage.gates.base import Band, Gate, outside_band
from balcap.advantage.matrix import RewardMatrix


@dataclass(frozen=True, kw_only=True)
class ExcludeGate(Gate):
    """Outside the band, a cell leaves the head: those that pass are compared with each other."""

    name: ClassVar[str] = "exclude"

    def __call__(
        self, matrix: RewardMatrix, ratio: PerCaption, gated: HeadMask, band: Band
    ) -> RewardMatrix:
        """See the class."""
        return matrix.with_columns(scored=matrix.scored & ~outside_band(ratio, gated, band))
