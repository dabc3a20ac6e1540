"""RVPO: let the head a caption does worst on count most."""

from __future__ import annotations

import numpy as np

from balcap.advantage.matrix import Float, RewardMatrix
from balcap.advantage.normalizers.groups import EPS, any_head, group_statistics, standardize
from balcap.advantage.normalizers.whitening import Normalized, whiten


def rvpo(
    matrix: RewardMatrix, weights: Float, *, eps: float = EPS, beta: float = 1.0
) -> Normalized:
    """A = whiten(M - mean_g M), M_i = -1/beta log( sum_k w_k exp(-beta z_ik) / sum_k w_k ).

    M is a soft minimum: about mean_k z - beta/2 var_k z for small beta, min_k z for large. The
    sums are over the heads that tell the caption from its group: one that is not scored, dead in
    the group, or taken out by a gate of mode `post` is left out, and not taken as 0. The group
    means of M are not 0, hence the re-centring.

    After RVPO, arXiv 2605.05750, whose abstract we have read and whose method section we have
    not: how weights enter, beta, and the step over the batch (GDPO's, so that the two can be
    compared at one learning rate; small beta gives GDPO where all heads are live) are ours.

    A soft minimum does not split into heads; `per_head` deals M - mean_g M out by the heads' pull
    on it, dM/dz_k = w_k exp(-beta z_k) / sum, which adds up to 1.
    """
    score, speaks = standardize(matrix, eps)
    moved = any_head(speaks)
    worst = np.where(moved, np.where(speaks, score, np.inf).min(axis=1, initial=np.inf), 0.0)
    # Relative to the worst head, so that no exp can overflow and every sum has a positive term.
    pull = np.where(speaks, weights * np.exp(-beta * np.abs(score - worst[:, None])), 0.0)
    pulls = np.where(moved, pull.sum(axis=1), 1.0)
    present = np.where(moved, np.where(speaks, weights, 0.0).sum(axis=1), 1.0)
    minimum = worst - np.log(pulls / present) / beta

    mean = group_statistics(minimum[:, None], moved[:, None], matrix.group).mean[:, 0]
    above = np.where(moved, minimum - mean, 0.0)
    per_head = pull / pulls[:, None] * above[:, None]
    return whiten(per_head, among=any_head(matrix.scored), moved=moved, eps=eps)
