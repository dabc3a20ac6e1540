"""How do finished runs score, and how far is each cell from the reference cell?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from balcap.advantage.harmonic import harmonic_mean
from balcap.runs.folder import RunFolder
from balcap.statistics import Interval, t_interval

Scores = Mapping[str, float | None]
"""By metric, of one run."""

BALANCE = ("precision", "cov", "fluency")

METRICS = (
    "balance", "qa", "cov", "fluency", "precision", "fact_f1", "words", "gate_rate",
)  # fmt: skip
"""What is compared. All are of the captions that were sampled after the training, from the run's
`summary.json`; `balance` is the harmonic mean of precision, cov and fluency, in the form of
BalCapRL's b-CapScore (precision, recall, language)."""


@dataclass(frozen=True)
class Difference:
    """A metric of a cell minus that of the reference cell, over the seeds that both have.

    Attributes:
        pairs: number of seeds.
        mean: None without a pair.
        interval: 95%, Student's t; None with fewer than two pairs.
    """

    pairs: int
    mean: float | None
    interval: Interval | None


def scores_of(run: RunFolder) -> Scores:
    """The metrics of a finished run; None for what it does not have."""
    after: dict[str, Any] = run.read_json(run.summary).get("after", {})
    balance = harmonic_mean([after.get(name) for name in BALANCE])
    return {name: balance if name == "balance" else after.get(name) for name in METRICS}


def paired(first: Mapping[int, Scores], second: Mapping[int, Scores], metric: str) -> Difference:
    """Difference of a metric, second minus first.

    Args:
        first: scores of the reference cell, by seed.
        second: of another cell, by seed.
        metric: one of `METRICS`.
    """
    values = [
        after - before
        for seed in first
        if seed in second
        and (before := first[seed].get(metric)) is not None
        and (after := second[seed].get(metric)) is not None
    ]
    return Difference(len(values), mean_of(values), t_interval(values))


def mean_of(values: Sequence[float | None]) -> float | None:
    """Mean of the values that are known; None if none is."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
