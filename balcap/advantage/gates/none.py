"""Gate `none`: length does not count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from balcap.advantage.arrays import HeadMask, PerCaption
from balcap.advantage.gates.base import Band, Gate
from balcap.advantage.matrix import RewardMatrix


@dataclass(frozen=True, kw_only=True)
class NoGate(Gate):
    """Changes nothing."""

    name: ClassVar[str] = "none"
    banded: ClassVar[bool] = False
    acts: ClassVar[bool] = False

    def __call__(
        self, matrix: RewardMatrix, ratio: PerCaption, gated: HeadMask, band: Band
    ) -> RewardMatrix:
        """See the class."""
        return matrix
