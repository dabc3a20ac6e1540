"""GRPO: the weighted sum of the scores, compared within the group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from balcap.advantage.arrays import PerHead
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.base import Normalized, Normalizer
from balcap.advantage.normalizers.groups import EPS
from balcap.advantage.normalizers.summing import shares_of_sum
from balcap.config.checks import at_least


@dataclass(frozen=True, kw_only=True)
class GRPO(Normalizer):
    """A = (R - mean_g R) / (std_g R + eps), R = sum over scored heads of w_k r_k.

    DeepSeekMath, arXiv 2402.03300; TRL's `multi_objective_aggregation="sum_then_normalize"`.
    Captions without any score are in no mean and get 0; so do groups whose sums do not differ.

    Attributes:
        eps: added to the std; at least 0.
    """

    name: ClassVar[str] = "grpo"
    eps: float = EPS

    def __post_init__(self) -> None:
        at_least("eps", self.eps, 0.0)

    def __call__(self, matrix: RewardMatrix, weights: PerHead, progress: float) -> Normalized:
        """See the class."""
        shares, std = shares_of_sum(matrix, weights)
        per_head = shares / np.where(std > 0, std + self.eps, 1.0)[:, None]
        return Normalized(per_head, per_head.sum(axis=1), 1.0)
