"""GD²PO: leave out captions about which the heads disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from balcap.advantage.arrays import PerHead
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.base import Normalized, Normalizer
from balcap.advantage.normalizers.groups import EPS, any_head, group_statistics, standardize
from balcap.advantage.normalizers.whitening import whiten
from balcap.config.checks import at_least, within


@dataclass(frozen=True, kw_only=True)
class GD2PO(Normalizer):
    """GDPO over the captions whose heads agree, each group scaled by the share that is left.

    agreement_i = |sum_k w_k z_ik| / sum_k |w_k z_ik|, in [0, 1]; 1 where all are 0.
    Captions with agreement < tau get exactly 0 and are left out of the batch statistics;
    A = whiten(c_g S), c_g = captions left / captions scored in the group.

    GD²PO, arXiv 2606.16771, its variant SNR. Two departures from the published code, read but not
    run: that whitens over tokens, ours over captions; and that measures agreement on z, ours on
    w z (the same for equal weights).

    Attributes:
        eps: added to every std; at least 0.
        tau: least agreement, in [0, 1]; 1 is the paper's variant "hard", which drops every caption
            with scores on both sides of 0. Its scripts use 0.8, its code falls back to 0.2.
    """

    name: ClassVar[str] = "gd2po"
    eps: float = EPS
    tau: float = 0.8

    def __post_init__(self) -> None:
        at_least("eps", self.eps, 0.0)
        within("tau", self.tau, 0.0, 1.0)

    def __call__(self, matrix: RewardMatrix, weights: PerHead, progress: float) -> Normalized:
        """See the class."""
        score, speaks = standardize(matrix, self.eps)
        per_head = weights * score
        size = np.abs(per_head).sum(axis=1)
        agreement = np.ones_like(size)
        np.divide(np.abs(per_head.sum(axis=1)), size, out=agreement, where=size > 0)

        rows = any_head(matrix.scored)
        left = rows & (agreement >= self.tau)
        share = group_statistics(left[:, None].astype(np.float64), rows[:, None], matrix.group).mean
        per_head = np.where(left[:, None], share * per_head, 0.0)
        return whiten(per_head, among=left, moved=left & any_head(speaks), eps=self.eps)
