"""The step over the whole batch that some normalisers end with."""

from __future__ import annotations

import numpy as np

from balcap.advantage.arrays import CaptionMask, Cells
from balcap.advantage.normalizers.base import Normalized
from balcap.advantage.normalizers.groups import group_statistics


def whiten(
    per_head: Cells, *, among: CaptionMask, moved: CaptionMask, eps: float, max_gain: float = np.inf
) -> Normalized:
    """Bring the sum of the heads to mean 0 and std 1 over the batch.

    A = gain * (S - mean S), gain = 1 / (std S + eps), where S = per_head.sum(1).

    Args:
        per_head: [N, H] contributions.
        among: [N] captions that the mean and std (divided by n - 1) are taken over.
        moved: [N] captions that get an advantage; all others get exactly 0. Part of `among`.
        eps: added to the std.
        max_gain: the gain is cut to this.

    Returns:
        The parts. If S does not differ among the captions, all advantages and the gain are 0.
    """
    total = per_head.sum(axis=1)
    batch = np.zeros(len(total), dtype=np.int64)
    mean, std, live = (x[:, 0] for x in group_statistics(total[:, None], among[:, None], batch))
    if not live.any():
        return Normalized(per_head, np.zeros_like(total), 0.0)
    gain = min(1.0 / (float(std[0]) + eps), max_gain)
    return Normalized(per_head, np.where(moved, gain * (total - mean), 0.0), gain)
