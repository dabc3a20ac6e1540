"""DVAO: heads count by how much their scores vary within the group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from balcap.advantage.arrays import PerHead
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.base import Normalized, Normalizer
from balcap.advantage.normalizers.groups import EPS, group_statistics, in_group, standardize
from balcap.config.checks import at_least


@dataclass(frozen=True, kw_only=True)
class DVAO(Normalizer):
    """A = sum_k v_k z_k, v_k = w_k std_g r_k / sum_l w_l std_g r_l, z_k as in MO-GRPO.

    With every cell scored and eps = 0 this is (R - mean_g R) / sum_l w_l std_g r_l: GRPO with the
    std of uncorrelated-or-not heads replaced by the sum of their stds, so that heads that cancel
    are not amplified. Depends on the heads' units, as GRPO does. No step over the batch.

    DVAO, arXiv 2605.25604, from a note of others: neither paper nor code was read. Its authors are
    said to warn that small groups are noisy and that a bad head of high variance is amplified. The
    sum over l is over the heads that are live in the group (ours): a dead head takes no share.

    Attributes:
        eps: added to every std that divides; at least 0.
    """

    name: ClassVar[str] = "dvao"
    eps: float = EPS

    def __post_init__(self) -> None:
        at_least("eps", self.eps, 0.0)

    def __call__(self, matrix: RewardMatrix, weights: PerHead, progress: float) -> Normalized:
        """See the class."""
        score, _ = standardize(matrix, self.eps)
        _, std, live = group_statistics(matrix.values, matrix.scored, matrix.group)
        spread = np.where(in_group(live, matrix.group), weights * std, 0.0)
        total = spread.sum(axis=1, keepdims=True)
        share = np.divide(spread, total, out=np.zeros_like(spread), where=total > 0)
        per_head = share * score
        return Normalized(per_head, per_head.sum(axis=1), 1.0)
