"""SA-MRPO: heads that are nearly saturated over the batch count less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from balcap.advantage.arrays import Float, PerHead
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.base import Normalized, Normalizer
from balcap.advantage.normalizers.groups import EPS, any_head, group_statistics, standardize
from balcap.advantage.normalizers.whitening import whiten
from balcap.config.checks import at_least


@dataclass(frozen=True, kw_only=True)
class SAMRPO(Normalizer):
    """A = whiten(sum_k w_k (1 - s_k)^gamma z_k), z_k as in GDPO.

    s_k = (mean r_k - min r_k) / (max r_k - min r_k) over the batch's scored cells, in [0, 1]: how
    near a head is to its best. A head that is equal over the whole batch has s = 0, and says
    nothing anyway. gamma = 0 is GDPO.

    SA-MRPO, arXiv 2608.16072, from a note of others: paper and code were not read. That min and
    max are the batch's, and not those of the head's range, is our reading of it.

    Attributes:
        eps: added to every std; at least 0.
        gamma: how strongly saturation counts; at least 0. The paper's is 0.5, by that note.
    """

    name: ClassVar[str] = "sa_mrpo"
    eps: float = EPS
    gamma: float = 0.5

    def __post_init__(self) -> None:
        at_least("eps", self.eps, 0.0)
        at_least("gamma", self.gamma, 0.0)

    def __call__(self, matrix: RewardMatrix, weights: PerHead, progress: float) -> Normalized:
        """See the class."""
        score, speaks = standardize(matrix, self.eps)
        per_head = weights * (1.0 - saturation(matrix)) ** self.gamma * score
        among, moved = any_head(matrix.scored), any_head(speaks)
        return whiten(per_head, among=among, moved=moved, eps=self.eps)


def saturation(matrix: RewardMatrix) -> Float:
    """[N, H], each column constant: (mean - min) / (max - min) of a head over the batch."""
    batch = np.zeros(len(matrix), dtype=np.int64)
    mean, _, live = group_statistics(matrix.values, matrix.scored, batch)
    highest = np.where(matrix.scored, matrix.values, -np.inf).max(axis=0, initial=-np.inf)
    lowest = np.where(matrix.scored, matrix.values, np.inf).min(axis=0, initial=np.inf)
    differs = np.broadcast_to(live.any(axis=0), mean.shape)
    above, span = np.zeros_like(mean), np.ones_like(mean)
    np.subtract(mean, lowest, out=above, where=differs)
    np.subtract(highest, lowest, out=span, where=differs)
    return np.clip(above / span, 0.0, 1.0)
