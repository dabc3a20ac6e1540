"""Gate `post`: outside the band, the normalised score becomes 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from balcap.advantage.arrays import HeadMask, PerCaption
from balcap.advantage.gates.base import Band, Gate, outside_band
from balcap.advantage.matrix import RewardMatrix


@dataclass(frozen=True, kw_only=True)
class PostGate(Gate):
    """Outside the band, the normalised score becomes 0; all are normalised together before.

    The group's advantages no longer add up to 0.
    """

    name: ClassVar[str] = "post"

    def __call__(
        self, matrix: RewardMatrix, ratio: PerCaption, gated: HeadMask, band: Band
    ) -> RewardMatrix:
        """See the class."""
        return matrix.with_columns(kept=matrix.kept & ~outside_band(ratio, gated, band))
