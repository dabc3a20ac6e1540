"""What is a normaliser, and what does it answer?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from balcap.advantage.arrays import Cells, PerCaption, PerHead
from balcap.advantage.matrix import RewardMatrix


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

    per_head: Cells
    advantage: PerCaption
    gain: float


@dataclass(frozen=True, kw_only=True)
class Normalizer(ABC):
    """A rule from scores to advantages; its fields are its settings, `--NAME.FIELD`.

    A subclass is a frozen data class whose docstring is its help, has a `name`, checks its fields
    in `__post_init__`, and keeps the laws at the head of `balcap/advantage/normalizers`.
    """

    name: ClassVar[str]

    @abstractmethod
    def __call__(self, matrix: RewardMatrix, weights: PerHead, progress: float) -> Normalized:
        """Turn scores into advantages.

        Args:
            matrix: scores of N captions by H heads; heads of weight 0 are marked as not scored.
            weights: [H], at least 0.
            progress: share of the training that is over, from 0 (first step) to 1 (last step).
        """
