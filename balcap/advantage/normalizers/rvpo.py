"""RVPO: let the head a caption does worst on count most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from balcap.advantage.arrays import PerHead
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.base import Normalized, Normalizer
from balcap.advantage.normalizers.groups import EPS, any_head, group_statistics, standardize
from balcap.advantage.normalizers.whitening import whiten
from balcap.config.checks import above, at_least


@dataclass(frozen=True, kw_only=True)
class RVPO(Normalizer):
    """A = whiten(M - mean_g M), M_i = -1/beta log( sum_k w_k exp(-beta z_ik) / sum_k w_k ).

    M is a soft minimum: about mean_k z - beta/2 var_k z for small beta, min_k z for large. The
    sums are over the heads that tell the caption from its group: one that is not scored, dead in
    the group, or taken out by a gate of mode `post` is left out, and not taken as 0. The group
    means of M are not 0, hence the re-centring.

    RVPO, arXiv 2605.05750, from two notes of others that agree on the formula, the schedule of
    beta on rubric tasks (linear, 0.5 to 2) and the step over the batch; the method section itself
    was not read. They also report that a constant 5 peaks early and collapses. How weights enter
    and the re-centring are ours.

    A soft minimum does not split into heads; `per_head` deals M - mean_g M out by the heads' pull
    on it, dM/dz_k = w_k exp(-beta z_k) / sum, which adds up to 1.

    Attributes:
        eps: added to every std; at least 0.
        beta: sharpness of the minimum at the first step; above 0.
        beta_end: the same at the last step, linear between the two; null keeps `beta` constant.
    """

    name: ClassVar[str] = "rvpo"
    eps: float = EPS
    beta: float = 0.5
    beta_end: float | None = 2.0

    def __post_init__(self) -> None:
        at_least("eps", self.eps, 0.0)
        above("beta", self.beta, 0.0)
        if self.beta_end is not None:
            above("beta_end", self.beta_end, 0.0)

    def beta_at(self, progress: float) -> float:
        """Sharpness of the minimum when this share of the training, in [0, 1], is over."""
        end = self.beta if self.beta_end is None else self.beta_end
        return (1.0 - progress) * self.beta + progress * end

    def __call__(self, matrix: RewardMatrix, weights: PerHead, progress: float) -> Normalized:
        """See the class."""
        beta = self.beta_at(progress)
        score, speaks = standardize(matrix, self.eps)
        moved = any_head(speaks)
        worst = np.where(moved, np.where(speaks, score, np.inf).min(axis=1, initial=np.inf), 0.0)
        # Relative to the worst head, so that no exp can overflow and every sum is positive.
        pull = np.where(speaks, weights * np.exp(-beta * np.abs(score - worst[:, None])), 0.0)
        pulls = np.where(moved, pull.sum(axis=1), 1.0)
        present = np.where(moved, np.where(speaks, weights, 0.0).sum(axis=1), 1.0)
        minimum = worst - np.log(pulls / present) / beta

        mean = group_statistics(minimum[:, None], moved[:, None], matrix.group).mean[:, 0]
        above_mean = np.where(moved, minimum - mean, 0.0)
        per_head = pull / pulls[:, None] * above_mean[:, None]
        return whiten(per_head, among=any_head(matrix.scored), moved=moved, eps=self.eps)
