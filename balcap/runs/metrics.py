"""What one step of a multi-reward run says about itself, as flat numbers.

| name | meaning |
|---|---|
| `reward/HEAD/mean`, `/std` | raw score over scored cells |
| `reward/HEAD/unscored` | share of captions without a score |
| `reward/HEAD/dead_groups` | share of groups in which all scored cells are equal after the gate |
| `reward/HEAD/variance_share` | head's share of the variance of the summed credit (sums to 1) |
| `corr/A~B` | correlation of two heads' credit over captions |
| `conflict/A~B` | share of captions whose credit the two heads give opposite signs |
| `gate/pass` | share of captions whose length ratio lies in the band |
| `length/words`, `/tokens`, `/ratio` | means |
| `length/truncated` | share of captions that reached the longest length without an end |
| `advantage/std`, `/zero` | spread, and share of captions with an advantage of exactly 0 |
| `advantage/gain` | factor of the whitening over the batch |
| `advantage/length_corr` | correlation of advantage with length in words |
| `judge/HEAD/questions` | asked by a head that asks a judge |
| `judge/HEAD/cached` | share of them that the judge was not asked, as the answer was known |
| `judge/HEAD/failed` | share of them without an answer, or with an unusable one |
| `judge/HEAD/prompt_tokens`, `/completion_tokens` | sums over the questions the judge was asked |
| `judge/HEAD/latency` | mean seconds of a question that the judge was asked |
| `judge/HEAD/dollars` | by `judge.price_in` and `judge.price_out` |
| `seconds/step`, `/generate`, `/score`, `/score/HEAD`, `/update` | wall-clock |
| `loss`, `lr`, `grad_norm`, `kl`, `entropy` | of the update, from TRL |

A number that has no value in a step (a correlation of constants, a head that scored nothing) is
None. "Credit" is a head's weighted, normalised score before any whitening. The
time that a judge was waited for is part of `seconds/score`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from balcap.advantage.matrix import Float
from balcap.advantage.normalizers import live_cells
from balcap.judges.usage import Usage
from balcap.runs.rollouts import Rollouts

Metrics = dict[str, float | None]

FROM_TRL = {
    "loss": "loss",
    "learning_rate": "lr",
    "grad_norm": "grad_norm",
    "kl": "kl",
    "entropy": "entropy",
    "completions/clipped_ratio": "length/truncated",
}


def step_metrics(rollouts: Rollouts, seconds: Mapping[str, float]) -> Metrics:
    """Metrics of a batch of rollouts. Names: the table on top of this file."""
    words = np.array([row.words for row in rollouts.rows], dtype=np.float64)
    tokens = np.array([row.tokens for row in rollouts.rows], dtype=np.float64)
    advantage = rollouts.credit.advantage
    known = rollouts.ratio[~np.isnan(rollouts.ratio)]
    metrics: Metrics = {}
    for index, head in enumerate(rollouts.heads):
        metrics |= _head(rollouts, index, f"reward/{head}")
    metrics |= _pairs(rollouts)
    for head, usage in rollouts.usage.items():
        metrics |= _judge(usage, f"judge/{head}")
    metrics |= {
        "gate/pass": float(rollouts.credit.in_band.mean()),
        "length/words": float(words.mean()),
        "length/tokens": float(tokens.mean()),
        "length/ratio": float(known.mean()) if known.size else None,
        "advantage/std": float(advantage.std()),
        "advantage/zero": float((advantage == 0).mean()),
        "advantage/gain": rollouts.credit.gain,
        "advantage/length_corr": correlation(advantage, words),
    }
    return metrics | {f"seconds/{part}": took for part, took in seconds.items()}


def trl_metrics(logs: Mapping[str, Any]) -> Metrics:
    """The numbers of TRL's own log that balcap keeps, under balcap's names."""
    return {ours: finite(logs[theirs]) for theirs, ours in FROM_TRL.items() if theirs in logs}


def finite(value: Any) -> float | None:
    """The value as a float, or None if it is none or not finite."""
    return float(value) if value is not None and math.isfinite(value) else None


def correlation(first: Float, second: Float) -> float | None:
    """Pearson correlation of two [N] arrays; None if either is constant or N < 2."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _head(rollouts: Rollouts, index: int, name: str) -> Metrics:
    matrix = rollouts.matrix
    scored = matrix.scored[:, index]
    values = matrix.values[scored, index]
    credit = rollouts.credit.per_head
    total = credit.sum(axis=1)
    variance = float(total.var())
    return {
        f"{name}/mean": float(values.mean()) if values.size else None,
        f"{name}/std": float(values.std()) if values.size else None,
        f"{name}/unscored": float(1 - scored.mean()),
        f"{name}/dead_groups": _dead_groups(rollouts, index),
        # cov(x_h, sum x) / var(sum x): shares that add up to 1, negative for a head that is
        # outvoted by those it disagrees with
        f"{name}/variance_share": float(
            ((credit[:, index] - credit[:, index].mean()) * (total - total.mean())).mean()
            / variance
        )
        if variance > 0
        else None,
    }


def _judge(usage: Usage, name: str) -> Metrics:
    asked = usage.questions - usage.cached
    return {
        f"{name}/questions": float(usage.questions),
        f"{name}/cached": usage.cached / usage.questions if usage.questions else None,
        f"{name}/failed": usage.failed / usage.questions if usage.questions else None,
        f"{name}/prompt_tokens": float(usage.prompt_tokens),
        f"{name}/completion_tokens": float(usage.completion_tokens),
        f"{name}/latency": usage.seconds / asked if asked else None,
        f"{name}/dollars": usage.dollars,
    }


def _dead_groups(rollouts: Rollouts, index: int) -> float:
    gated = rollouts.credit.gated
    live = live_cells(gated)[:, index]
    groups = np.unique(gated.group)
    return 1 - len(np.unique(gated.group[live])) / len(groups)


def _pairs(rollouts: Rollouts) -> Metrics:
    credit = rollouts.credit.per_head
    metrics: Metrics = {}
    for (i, first), (j, second) in combinations(enumerate(rollouts.heads), 2):
        metrics[f"corr/{first}~{second}"] = correlation(credit[:, i], credit[:, j])
        metrics[f"conflict/{first}~{second}"] = float((credit[:, i] * credit[:, j] < 0).mean())
    return metrics
