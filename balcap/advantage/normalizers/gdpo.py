"""GDPO: each head by itself as in MO-GRPO, then the sum brought to unit size over the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from balcap.advantage.arrays import PerHead
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.base import Normalized, Normalizer
from balcap.advantage.normalizers.groups import EPS, any_head, standardize
from balcap.advantage.normalizers.whitening import whiten
from balcap.config.checks import at_least


@dataclass(frozen=True, kw_only=True)
class GDPO(Normalizer):
    """A = (S - mean S) / (std S + eps) over the batch, S as in MO-GRPO.

    GDPO, arXiv 2601.05242; TRL's `multi_objective_aggregation="normalize_then_sum"`, apart from
    its float32. The mean and std are over all captions with a score, dead groups included, and
    over captions, not tokens, which would let long captions count more. BalCapRL's c-GDPO does
    not say whether it has this step; ours has.

    mean S is 0 by construction (but for gates of mode `post`), so the step only rescales. The
    fewer groups are live, the larger its gain: with 1 of 64, of 8 captions each, it is 8.5.
    `gdpo_live` does not do that.

    Attributes:
        eps: added to every std; at least 0.
    """

    name: ClassVar[str] = "gdpo"
    eps: float = EPS

    def __post_init__(self) -> None:
        at_least("eps", self.eps, 0.0)

    def __call__(self, matrix: RewardMatrix, weights: PerHead, progress: float) -> Normalized:
        """See the class."""
        score, speaks = standardize(matrix, self.eps)
        among, moved = any_head(matrix.scored), any_head(speaks)
        return whiten(weights * score, among=among, moved=moved, eps=self.eps)
