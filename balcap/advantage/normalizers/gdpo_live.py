"""GDPO over live captions only, with a cap on how much the batch step may amplify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from balcap.advantage.arrays import PerHead
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.base import Normalized, Normalizer
from balcap.advantage.normalizers.groups import EPS, any_head, standardize
from balcap.advantage.normalizers.whitening import whiten
from balcap.config.checks import above, at_least


@dataclass(frozen=True, kw_only=True)
class GDPOLive(Normalizer):
    """GDPO whose batch statistics are over live captions only, with a cap on the gain.

    Ours. A caption is live if a head tells it from its group, so a dead group neither shrinks the
    std nor makes the others louder. What can still raise the gain is heads that cancel each other;
    it is cut to `max_gain` / u, where u is about the std that S would have if the heads were
    uncorrelated: u² = mean over live captions of sum_k w_k², over the heads that tell it apart.
    A batch in which the heads cancel almost wholly thus stays small, instead of being blown up to
    unit size.

    Attributes:
        eps: added to every std; at least 0.
        max_gain: the cap, above 0, in units of 1 / u. The default is a choice, not a measurement.
    """

    name: ClassVar[str] = "gdpo_live"
    eps: float = EPS
    max_gain: float = 2.0

    def __post_init__(self) -> None:
        at_least("eps", self.eps, 0.0)
        above("max_gain", self.max_gain, 0.0)

    def __call__(self, matrix: RewardMatrix, weights: PerHead, progress: float) -> Normalized:
        """See the class."""
        score, speaks = standardize(matrix, self.eps)
        moved, cap = any_head(speaks), self.max_gain
        if moved.any():
            cap /= float(np.sqrt(np.mean((speaks[moved] * weights**2).sum(axis=1))))
        return whiten(weights * score, among=moved, moved=moved, eps=self.eps, max_gain=cap)
