"""What a normaliser answers, and the step over the whole batch that some of them end with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from balcap.advantage.matrix import Bool, Float
from balcap.advantage.normalizers.groups import group_statistics


class Normalized(NamedTuple):
    """Advantages, and the parts they are made of.

    Attributes:
        per_head: [N, H] what each head contributes, weight included, before any step over the
            batch. A row's sum is the caption's advantage before that step, so
            cov(per_head[:, h], per_head.sum(1)) / var(per_head.sum(1)) is the head's share.
        advantage: [N] the result.
        gain: factor of the step over the batch; 1 for normalisers without one, 0 for a batch in
            which no two captions differ.
    """

    per_head: Float
    advantage: Float
    gain: float


def whiten(
    per_head: Float, *, among: Bool, moved: Bool, eps: float, max_gain: float = np.inf
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
