"""Add up the heads' scores first, compare the sums within the group afterwards: GRPO and Dr.GRPO.

The head with the largest spread decides (MO-GRPO, theorem 1). Where a caption lacks a head, its
sum is over the heads it has, as in TRL (`nansum`): a missing score thereby counts as a score of 0
and, rewards being positive, mostly as a loss. The normalisers that treat heads one by one do not
have this bias. A gate of mode `post` here sets the head's share of the advantage to 0.
"""

from __future__ import annotations

import numpy as np

from balcap.advantage.arrays import Cells, PerCaption, PerHead
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.groups import any_head, group_statistics


def shares_of_sum(matrix: RewardMatrix, weights: PerHead) -> tuple[Cells, PerCaption]:
    """Split R - mean_g R [N, H] by heads; and std_g R [N], 0 where the sums do not differ."""
    weighted = np.where(matrix.scored, matrix.values, 0.0) * weights
    total = weighted.sum(axis=1, keepdims=True)
    rows = any_head(matrix.scored)[:, None]
    _, std, differs = group_statistics(total, rows, matrix.group)
    mean, _, live = group_statistics(weighted, np.repeat(rows, len(weights), axis=1), matrix.group)
    shares = np.where(live & differs & matrix.kept, weighted - mean, 0.0)
    return shares, np.where(differs, std, 0.0)[:, 0]
