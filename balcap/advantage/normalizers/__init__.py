"""From scores to advantages: one number per caption, by one of several rules.

For every rule:

- Captions are compared within their group; groups may be of any size.
- A cell that is not scored is in no mean or std. A caption without any score gets exactly 0 and is
  left out of the batch's statistics: the same numbers as if it were not there.
- A head whose scores do not differ within a group (see `groups.DEAD_RANGE`) contributes exactly 0
  there, and so does a cell that is alone. A batch in which nothing differs gives exactly 0.
- A head of weight 0 is as if it were not there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from balcap.advantage.arrays import Float, PerCaption
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.base import Normalized, Normalizer
from balcap.advantage.normalizers.groups import live_cells
from balcap.config.methods import NORMALIZER_KIND
from balcap.errors import UserError, did_you_mean
from balcap.plugins import configured, find_class

__all__ = [
    "Normalized", "Normalizer", "advantages", "find_normalizer", "live_cells", "normalized",
]  # fmt: skip


def find_normalizer(reference: str) -> type[Normalizer]:
    """The class of a normaliser: built in, installed, `package.module:Class` or `path.py:Class`.

    Raises:
        UserError: if there is none, or it breaks the contract of `Normalizer`.
    """
    return find_class(NORMALIZER_KIND, reference, Normalizer)  # type: ignore[type-abstract]


def advantages(
    matrix: RewardMatrix,
    normalizer: str = "gdpo",
    weights: Mapping[str, float] | None = None,
    *,
    progress: float = 0.0,
    **settings: Any,
) -> PerCaption:
    """How much better than its group's other captions is each caption? [N] float64.

    Args:
        matrix: scores of N captions by H heads, gated or not.
        normalizer: name of the rule (see `balcap.config.methods`), or `path.py:Class`.
        weights: by head name, one for each head, at least 0; default: 1 each.
        progress: share of the training that is over, in [0, 1]; only `rvpo` asks.
        **settings: of the normaliser, such as `eps`, or `tau` of gd2po.

    Raises:
        ValueError: for an unknown normaliser, head or setting, a missing or negative weight, or a
            setting outside its range; the text names it.
    """
    return normalized(matrix, normalizer, weights, progress=progress, **settings).advantage


def normalized(
    matrix: RewardMatrix,
    normalizer: str = "gdpo",
    weights: Mapping[str, float] | None = None,
    *,
    progress: float = 0.0,
    **settings: Any,
) -> Normalized:
    """As `advantages`, with the contribution of each head and the gain of the batch step."""
    try:
        rule = configured(find_normalizer(normalizer), settings)
    except UserError as error:
        raise ValueError(str(error)) from error
    return apply(rule, matrix, weights, progress)


def apply(
    rule: Normalizer, matrix: RewardMatrix, weights: Mapping[str, float] | None, progress: float
) -> Normalized:
    """Let a rule see a matrix whose heads of weight 0 are taken out."""
    vector = weight_vector(matrix.heads, weights)
    return rule(matrix.with_columns(scored=matrix.scored & (vector > 0)), vector, progress)


def weight_vector(heads: tuple[str, ...], weights: Mapping[str, float] | None) -> Float:
    """Weights in the order of the heads [H]; 1 each if None. Raises ValueError, naming the head."""
    if weights is None:
        return np.ones(len(heads))
    for name, weight in weights.items():
        if name not in heads:
            raise ValueError(
                f"a weight is given for {name!r}, which is not among the heads "
                f"{', '.join(heads)}{did_you_mean(name, heads)}"
            )
        if not (weight >= 0.0 and math.isfinite(weight)):
            raise ValueError(f"the weight of {name!r} is {weight}; it must be a number from 0 up")
    for name in heads:
        if name not in weights:
            raise ValueError(f"no weight for head {name!r}; give one for each, 0 to leave it out")
    return np.array([weights[name] for name in heads], dtype=np.float64)
