"""MO-GRPO: compare each head's scores within the group first, add up afterwards.

Every head has the same say, whatever its unit and spread. A cell that is not scored is in no mean
or std and contributes 0, like a cell that is alone or in a dead group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from balcap.advantage.arrays import PerHead
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.base import Normalized, Normalizer
from balcap.advantage.normalizers.groups import EPS, standardize
from balcap.config.checks import at_least


@dataclass(frozen=True, kw_only=True)
class MOGRPO(Normalizer):
    """A = S = sum_k w_k z_k, z_k = (r_k - mean_g r_k) / (std_g r_k + eps). No step over the batch.

    MO-GRPO, arXiv 2509.22047.

    Attributes:
        eps: added to every std; at least 0.
    """

    name: ClassVar[str] = "mo_grpo"
    eps: float = EPS

    def __post_init__(self) -> None:
        at_least("eps", self.eps, 0.0)

    def __call__(self, matrix: RewardMatrix, weights: PerHead, progress: float) -> Normalized:
        """See the class."""
        score, _ = standardize(matrix, self.eps)
        per_head = weights * score
        return Normalized(per_head, per_head.sum(axis=1), 1.0)
