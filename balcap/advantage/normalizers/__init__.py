"""From scores to advantages: one number per caption, by one of seven rules.

For every rule:

- Captions are compared within their group; groups may be of any size.
- A cell that is not scored is in no mean or std. A caption without any score gets exactly 0 and is
  left out of the batch's statistics: the same numbers as if it were not there.
- A head whose scores do not differ within a group (see `groups.DEAD_RANGE`) contributes exactly 0
  there, and so does a cell that is alone. A batch in which nothing differs gives exactly 0.
- A head of weight 0 is as if it were not there.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping

import numpy as np

from balcap.advantage.matrix import Float, RewardMatrix
from balcap.advantage.normalizers.agreement import gd2po
from balcap.advantage.normalizers.decoupled import gdpo, gdpo_live, mo_grpo
from balcap.advantage.normalizers.groups import live_cells
from balcap.advantage.normalizers.soft_min import rvpo
from balcap.advantage.normalizers.summed import dr_grpo, grpo
from balcap.advantage.normalizers.whitening import Normalized
from balcap.config import NORMALIZER_ALIASES
from balcap.errors import did_you_mean

__all__ = ["RULES", "Normalized", "advantages", "live_cells", "normalized"]

RULES: dict[str, Callable[..., Normalized]] = {
    rule.__name__: rule for rule in (grpo, dr_grpo, mo_grpo, gdpo, gdpo_live, gd2po, rvpo)
}
"""The rules by name. Each takes a matrix, weights [H] above 0, and its own options."""

# What an option may be: lowest value, whether that value itself is allowed, highest value.
_BOUNDS = {
    "eps": (0.0, True, math.inf),
    "tau": (0.0, True, 1.0),
    "beta": (0.0, False, math.inf),
    "max_gain": (0.0, False, math.inf),
}


def advantages(
    matrix: RewardMatrix,
    normalizer: str = "gdpo",
    weights: Mapping[str, float] | None = None,
    **options: float,
) -> Float:
    """How much better than its group's other captions is each caption? [N] float64.

    Args:
        matrix: scores of N captions by H heads, gated or not.
        normalizer: the rule: `grpo`, `dr_grpo`, `mo_grpo`, `gdpo` (or `c-gdpo`), `gdpo_live`,
            `gd2po` or `rvpo`.
        weights: by head name, one for each head, at least 0; default: 1 each.
        **options: of the normaliser: `eps` (all but dr_grpo), `max_gain` (gdpo_live),
            `tau` (gd2po), `beta` (rvpo).

    Raises:
        ValueError: for an unknown normaliser, head or option, a missing or negative weight, or an
            option outside its range; the text names it.
    """
    return normalized(matrix, normalizer, weights, **options).advantage


def normalized(
    matrix: RewardMatrix,
    normalizer: str = "gdpo",
    weights: Mapping[str, float] | None = None,
    **options: float,
) -> Normalized:
    """As `advantages`, with the contribution of each head and the gain of the batch step."""
    rule = _rule(normalizer)
    _check_options(normalizer, rule, options)
    vector = weight_vector(matrix.heads, weights)
    return rule(matrix.with_columns(scored=matrix.scored & (vector > 0)), vector, **options)


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


def _rule(normalizer: str) -> Callable[..., Normalized]:
    name = NORMALIZER_ALIASES.get(normalizer, normalizer)
    if name not in RULES:
        known = (*RULES, *NORMALIZER_ALIASES)
        raise ValueError(
            f"no normalizer {normalizer!r}; have {', '.join(known)}{did_you_mean(name, known)}"
        )
    return RULES[name]


def _check_options(
    normalizer: str, rule: Callable[..., Normalized], options: Mapping[str, float]
) -> None:
    parameters = inspect.signature(rule).parameters.values()
    known = [item.name for item in parameters if item.kind is item.KEYWORD_ONLY]
    for name, value in options.items():
        if name not in known:
            raise ValueError(
                f"normalizer {normalizer!r} has no option {name!r}; "
                f"it has {', '.join(known) or 'none'}{did_you_mean(name, known)}"
            )
        low, low_allowed, high = _BOUNDS[name]
        if not (low < value <= high or (low_allowed and value == low)) or math.isinf(value):
            bound = f"{'at least' if low_allowed else 'above'} {low:g}"
            top = "" if math.isinf(high) else f" and at most {high:g}"
            raise ValueError(f"{name} is {value}; it must be a number {bound}{top}")
