"""GRPO and Dr.GRPO: add up the heads' scores first, compare the sums within the group afterwards.

The head with the largest spread decides (MO-GRPO, theorem 1). Where a caption lacks a head, its
sum is over the heads it has, as in TRL (`nansum`): a missing score thereby counts as a score of 0
and, rewards being positive, mostly as a loss. The normalisers that treat heads one by one do not
have this bias. A gate of mode `post` here sets the head's share of the advantage to 0.
"""

from __future__ import annotations

import numpy as np

from balcap.advantage.matrix import Float, RewardMatrix
from balcap.advantage.normalizers.groups import EPS, any_head, group_statistics
from balcap.advantage.normalizers.whitening import Normalized


def grpo(matrix: RewardMatrix, weights: Float, *, eps: float = EPS) -> Normalized:
    """A = (R - mean_g R) / (std_g R + eps), R = sum over scored heads of w_k r_k.

    DeepSeekMath, arXiv 2402.03300; TRL's `multi_objective_aggregation="sum_then_normalize"`.
    Captions without any score are in no mean and get 0; so do groups whose sums do not differ.
    """
    shares, std = _shares(matrix, weights)
    per_head = shares / np.where(std > 0, std + eps, 1.0)[:, None]
    return Normalized(per_head, per_head.sum(axis=1), 1.0)


def dr_grpo(matrix: RewardMatrix, weights: Float) -> Normalized:
    """A = R - mean_g R, R = sum over scored heads of w_k r_k: GRPO without the division.

    Liu et al., arXiv 2503.20783: the division gives prompts that are nearly solved, or nearly
    hopeless, more weight. (Their other change, to the loss's length term, is not made here.)
    The scale of the advantages is that of the rewards, so it wants its own learning rate.
    """
    shares, _ = _shares(matrix, weights)
    return Normalized(shares, shares.sum(axis=1), 1.0)


def _shares(matrix: RewardMatrix, weights: Float) -> tuple[Float, Float]:
    """Split R - mean_g R [N, H] by heads; and std_g R [N], 0 where the sums do not differ."""
    weighted = np.where(matrix.scored, matrix.values, 0.0) * weights
    total = weighted.sum(axis=1, keepdims=True)
    rows = any_head(matrix.scored)[:, None]
    _, std, differs = group_statistics(total, rows, matrix.group)
    mean, _, live = group_statistics(weighted, np.repeat(rows, len(weights), axis=1), matrix.group)
    shares = np.where(live & differs & matrix.kept, weighted - mean, 0.0)
    return shares, np.where(differs, std, 0.0)[:, 0]
