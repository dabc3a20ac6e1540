"""CorrGRPO: divide the sum of the heads by how much they are correlated, not by its std."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from balcap.advantage.arrays import CellMask, PerCaption, PerHead
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.base import Normalized, Normalizer
from balcap.advantage.normalizers.groups import EPS, group_statistics, in_group
from balcap.config.checks import above, at_least


@dataclass(frozen=True, kw_only=True)
class CorrGRPO(Normalizer):
    """A = sum_k w_k (r_k - mean_g r_k) / (sqrt(max(C, floor)) + eps), C = sum_{k,l} rho_kl.

    rho is Pearson's correlation within the group, 0 in the row and column of a head that is dead
    there. C is 1 for one head, K for K uncorrelated ones, K² for K that say the same. Depends on
    the heads' units, as Dr.GRPO does. No step over the batch.

    CorrGRPO, arXiv 2609.36820, by a reader of the whole paper; its code was not read. Opposed heads
    of unequal spread have C = 0 and a sum that is not 0: the published formula answers about
    1 / eps. The floor is ours: with 0.1 no group becomes more than sqrt(10) = 3.2 times as loud as
    by Dr.GRPO, and two heads are touched by it only if their correlation is below -0.95.
    Correlations are over the captions that both heads have scored (ours); fewer than two, or equal
    ones, give 0.

    Attributes:
        eps: added to the root; at least 0.
        floor: least C that divides; above 0.
    """

    name: ClassVar[str] = "corr_grpo"
    eps: float = EPS
    floor: float = 0.1

    def __post_init__(self) -> None:
        at_least("eps", self.eps, 0.0)
        above("floor", self.floor, 0.0)

    def __call__(self, matrix: RewardMatrix, weights: PerHead, progress: float) -> Normalized:
        """See the class."""
        mean, _, live = group_statistics(matrix.values, matrix.scored, matrix.group)
        centred = np.zeros_like(matrix.values)
        np.subtract(matrix.values, mean, out=centred, where=live & matrix.kept)
        size = np.sqrt(np.maximum(total_correlation(matrix), self.floor)) + self.eps
        per_head = weights * centred / size[:, None]
        return Normalized(per_head, per_head.sum(axis=1), 1.0)


def total_correlation(matrix: RewardMatrix) -> PerCaption:
    """[N] sum of all entries of the correlation matrix of the heads in a caption's group."""
    live = group_statistics(matrix.values, matrix.scored, matrix.group).live
    total: PerCaption = in_group(live, matrix.group).sum(axis=1).astype(np.float64)  # the diagonal
    for first in range(len(matrix.heads)):
        for second in range(first + 1, len(matrix.heads)):
            total += 2.0 * _correlation(matrix, [first, second], live)
    return total


def _correlation(matrix: RewardMatrix, pair: list[int], live: CellMask) -> PerCaption:
    """[N] correlation of two heads over the captions of the group that both have scored."""
    both = live[:, pair].all(axis=1, keepdims=True)
    mean, std, differs = group_statistics(
        matrix.values[:, pair], np.repeat(both, 2, axis=1), matrix.group
    )
    known = np.asarray(differs.all(axis=1, keepdims=True))
    score = np.zeros_like(mean)
    np.divide(matrix.values[:, pair] - mean, std, out=score, where=known)
    # var(x + y) = 2 + 2 rho where x and y have variance 1
    std_of_sum = group_statistics(score.sum(axis=1, keepdims=True), known, matrix.group).std
    rho = np.where(in_group(known, matrix.group), std_of_sum**2 / 2.0 - 1.0, 0.0)
    return rho[:, 0]
