"""By how much did the held-out scores change in training, and how sure is that?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from balcap.advantage.arrays import Float
from balcap.statistics import Interval, paired_interval, point

HARMONIC_MEAN = "harmonic_mean"

Rows = Sequence[Mapping[str, Any]]
"""Held-out captions of one side, as `captions.json` has them."""


def balanced_heads(evaluated: Sequence[str], eval_rewards: str) -> tuple[str, ...]:
    """Names of the heads that a run's harmonic mean is made of.

    Those of `eval_rewards`, which a run has whatever it was trained with; all evaluated heads where
    none of them is among those.

    Args:
        evaluated: names of all evaluated heads.
        eval_rewards: the setting, names with commas between them.
    """
    beside = {name.strip() for name in eval_rewards.split(",")}
    return tuple(name for name in evaluated if name in beside) or tuple(evaluated)


def heads_of_harmonic_mean(
    summary: Mapping[str, Any], config: Mapping[str, Any]
) -> tuple[str, ...]:
    """The same of a run that is read: from its summary, or from its settings if it is an older one.

    Args:
        summary: as `summary.json` holds it.
        config: as `config.yaml` holds it.
    """
    if "harmonic_mean_of" in summary:
        return tuple(summary["harmonic_mean_of"])
    evaluated = list(summary.get("before", {}).get("scored", {}))
    return balanced_heads(evaluated, str(config.get("eval_rewards") or ""))


def changes(
    before: Rows, after: Rows, balanced: Sequence[str], names: Sequence[str] | None = None
) -> dict[str, dict[str, float | None]]:
    """The change of each score, with its paired 95% interval (bootstrap over samples).

    A sample is drawn with its captions of both sides, so that what makes it hard for both does not
    widen the interval. A mean is over the captions that have the score, in each draw as in the
    table; draws in which a side has none of them are left out.

    Args:
        before: captions before the training; samples that `after` lacks do not count.
        after: captions after it.
        balanced: heads of the harmonic mean; without any there is none.
        names: of the scores whose change is wanted; default: the harmonic mean, and every score
            and measure that the captions have.

    Returns:
        By score, `value` (after minus before), `low` and `high`; None for what has no value, as
        the interval of a single sample.
    """
    others = {str(row["sample"]): row for row in after}
    pairs = [(row, others[str(row["sample"])]) for row in before if str(row["sample"]) in others]
    if not pairs:
        return {}
    samples = [str(row["sample"]) for row, _ in pairs]
    wanted = {name: ([name], _mean) for name in _values(pairs[0][0])}
    if balanced and set(balanced) <= set(wanted):
        wanted[HARMONIC_MEAN] = (list(balanced), _harmonic_mean)
    found = {}
    for name in wanted if names is None else [name for name in names if name in wanted]:
        parts, score = wanted[name]
        first, second = (_numbers([pair[side] for pair in pairs], parts) for side in (0, 1))
        ends = (point(first, score), point(second, score))
        low, high = paired_interval(first, second, samples, score) or (None, None)
        value = None if ends[0] is None or ends[1] is None else ends[1] - ends[0]
        found[name] = {"value": value, "low": low, "high": high}
    return found


def change_of(summary: Mapping[str, Any], name: str) -> tuple[float | None, Interval | None]:
    """A score's change and its interval, of a summary with `change`; of one without, the difference
    of its means alone."""
    known = summary.get("change", {}).get(name)
    if known is not None:
        return known["value"], None if known["low"] is None else (known["low"], known["high"])
    before, after = (summary.get(side, {}).get(name) for side in ("before", "after"))
    return (None if before is None or after is None else after - before), None


def with_changes(
    summary: Mapping[str, Any], captions: Mapping[str, Rows], balanced: Sequence[str]
) -> dict[str, Any]:
    """A summary with the `change` of its sampled captions, if both sides are there.

    Args:
        summary: as `summary.json` holds it.
        captions: as `captions.json` holds them.
        balanced: heads of the harmonic mean.
    """
    if "change" in summary or not {"before", "after"} <= set(captions):
        return dict(summary)
    return {**summary, "change": changes(captions["before"], captions["after"], balanced)}


def _values(row: Mapping[str, Any]) -> dict[str, float | None]:
    return {**row["scores"], **row.get("measures", {})}


def _numbers(rows: Rows, names: Sequence[str]) -> Float:
    """[N, 2K]: of each score its value, 0 where it has none; then whether it has one."""
    values = np.array([[_values(row).get(name) for name in names] for row in rows], dtype="float64")
    known = ~np.isnan(values)
    return np.hstack([np.where(known, values, 0.0), known])


def _means(means: Float) -> Float:
    """[..., K] means over the captions that have a score, NaN where none has."""
    count = means.shape[-1] // 2
    with np.errstate(invalid="ignore"):
        found: Float = means[..., :count] / means[..., count:]
    return found


def _mean(means: Float) -> Float:
    found: Float = _means(means)[..., 0]
    return found


def _harmonic_mean(means: Float) -> Float:
    """As `balcap.advantage.harmonic`: 0 where a mean is 0 or below."""
    parts = _means(means)
    with np.errstate(divide="ignore"):
        whole = parts.shape[-1] / (1 / parts).sum(axis=-1)
    found: Float = np.where((parts <= 0).any(axis=-1), 0.0, whole)
    return found
