"""Dr.GRPO: the weighted sum of the scores, less the group's mean, and not divided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from balcap.advantage.arrays import PerHead
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.base import Normalized, Normalizer
from balcap.advantage.normalizers.summing import shares_of_sum


@dataclass(frozen=True, kw_only=True)
class DrGRPO(Normalizer):
    """A = R - mean_g R, R = sum over scored heads of w_k r_k: GRPO without the division.

    Liu et al., arXiv 2503.20783: the division gives prompts that are nearly solved, or nearly
    hopeless, more weight. (Their other change, to the loss's length term, is not made here.)
    The scale of the advantages is that of the rewards, so it wants its own learning rate.
    """

    name: ClassVar[str] = "dr_grpo"

    def __call__(self, matrix: RewardMatrix, weights: PerHead, progress: float) -> Normalized:
        """See the class."""
        shares, _ = shares_of_sum(matrix, weights)
        return Normalized(shares, shares.sum(axis=1), 1.0)
