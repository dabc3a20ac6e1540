"""MO-GRPO and GDPO: compare each head's scores within the group first, add up afterwards.

Every head has the same say, whatever its unit and spread. A cell that is not scored is in no mean
or std and contributes 0, like a cell that is alone or in a dead group.
"""

from __future__ import annotations

import numpy as np

from balcap.advantage.matrix import Float, RewardMatrix
from balcap.advantage.normalizers.groups import EPS, any_head, standardize
from balcap.advantage.normalizers.whitening import Normalized, whiten


def mo_grpo(matrix: RewardMatrix, weights: Float, *, eps: float = EPS) -> Normalized:
    """A = S = sum_k w_k z_k, z_k = (r_k - mean_g r_k) / (std_g r_k + eps). No step over the batch.

    MO-GRPO, arXiv 2509.22047.
    """
    score, _ = standardize(matrix, eps)
    per_head = weights * score
    return Normalized(per_head, per_head.sum(axis=1), 1.0)


def gdpo(matrix: RewardMatrix, weights: Float, *, eps: float = EPS) -> Normalized:
    """A = (S - mean S) / (std S + eps) over the batch, S as in MO-GRPO.

    GDPO, arXiv 2601.05242; TRL's `multi_objective_aggregation="normalize_then_sum"`, apart from
    its float32. The mean and std are over all captions with a score, dead groups included, and
    over captions, not tokens, which would let long captions count more. BalCapRL's c-GDPO does
    not say whether it has this step; ours has.

    mean S is 0 by construction (but for gates of mode `post`), so the step only rescales. The
    fewer groups are live, the larger its gain: with 1 of 64, of 8 captions each, it is 8.5.
    `gdpo_live` does not do that.
    """
    score, speaks = standardize(matrix, eps)
    among, moved = any_head(matrix.scored), any_head(speaks)
    return whiten(weights * score, among=among, moved=moved, eps=eps)


def gdpo_live(
    matrix: RewardMatrix, weights: Float, *, eps: float = EPS, max_gain: float = 2.0
) -> Normalized:
    """GDPO whose batch statistics are over live captions only, with a cap on the gain.

    Ours. A caption is live if a head tells it from its group, so a dead group neither shrinks the
    std nor makes the others louder. What can still raise the gain is heads that cancel each other;
    it is cut to `max_gain` / u, where u is about the std that S would have if the heads were
    uncorrelated: u² = mean over live captions of sum_k w_k², over the heads that tell it apart.
    A batch in which the heads cancel almost wholly thus stays small, instead of being blown up to
    unit size. The default is a choice, not a measurement.
    """
    score, speaks = standardize(matrix, eps)
    moved = any_head(speaks)
    if moved.any():
        max_gain /= float(np.sqrt(np.mean((speaks[moved] * weights**2).sum(axis=1))))
    return whiten(weights * score, among=moved, moved=moved, eps=eps, max_gain=max_gain)
