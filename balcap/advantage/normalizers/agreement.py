"""GD²PO: leave out captions about which the heads disagree."""

from __future__ import annotations

import numpy as np

from balcap.advantage.matrix import Float, RewardMatrix
from balcap.advantage.normalizers.groups import EPS, any_head, group_statistics, standardize
from balcap.advantage.normalizers.whitening import Normalized, whiten


def gd2po(
    matrix: RewardMatrix, weights: Float, *, eps: float = EPS, tau: float = 0.8
) -> Normalized:
    """GDPO over the captions whose heads agree, each group scaled by the share that is left.

    agreement_i = |sum_k w_k z_ik| / sum_k |w_k z_ik|, in [0, 1]; 1 where all are 0.
    Captions with agreement < tau get exactly 0 and are left out of the batch statistics;
    A = whiten(c_g S), c_g = captions left / captions scored in the group.

    GD²PO, arXiv 2606.16771, its variant SNR; tau = 1 is its variant "hard", which drops every
    caption with scores on both sides of 0. Its scripts use tau = 0.8 (its code falls back to 0.2).
    Two departures from the published code, read but not run: that whitens over tokens, ours over
    captions; and that measures agreement on z, ours on w z (the same for equal weights).
    """
    score, speaks = standardize(matrix, eps)
    per_head = weights * score
    size = np.abs(per_head).sum(axis=1)
    agreement = np.ones_like(size)
    np.divide(np.abs(per_head.sum(axis=1)), size, out=agreement, where=size > 0)

    rows = any_head(matrix.scored)
    left = rows & (agreement >= tau)
    share = group_statistics(left[:, None].astype(np.float64), rows[:, None], matrix.group).mean
    per_head = np.where(left[:, None], share * per_head, 0.0)
    return whiten(per_head, among=left, moved=left & any_head(speaks), eps=eps)
