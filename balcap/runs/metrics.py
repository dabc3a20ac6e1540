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
| `data/bad_images` | samples so far whose image could not be used; another took their place |
| `advantage/std`, `/zero` | spread, and share of captions with an advantage of 0 |
| `advantage/gain` | factor of the whitening over the batch |
| `advantage/length_corr` | correlation of advantage with length in words |
| `judge/HEAD/questions` | asked by a head that asks a judge |
| `judge/HEAD/cached` | share of them that the judge was not asked, as the answer was known |
| `judge/HEAD/failed` | share of them without an answer, or with an unusable one |
| `judge/HEAD/unusable` | share of questions whose first answer could not be used |
| `judge/HEAD/dropped` | share of questions without a usable answer, drawn again or not |
| `judge/HEAD/prompt_tokens`, `/completion_tokens` | sums over the questions the judge was asked |
| `judge/HEAD/latency` | mean seconds of a question that the judge was asked |
| `judge/HEAD/dollars` | by `judge.price_in` and `judge.price_out` |
| `rollout/logp_difference` | vLLM's against the loss's, mean absolute, a token (vLLM only) |
| `rollout/importance_ratio` | mean factor by which TRL corrects the loss for it (vLLM only) |
| `rollout/clipped` | share of tokens whose ratio was clipped: policy to the captions' writer |
| `seconds/step`, `/generate`, `/score`, `/score/HEAD`, `/update` | wall-clock |
| `loss`, `lr`, `grad_norm`, `kl`, `entropy` | of the update, from TRL |

A number that has no value in a step (a correlation of constants, a head that scored nothing) is
None. What heads that cancel leave of each other by rounding counts as 0 throughout, by the rule
for dead groups (`groups.apart`). "Credit" is a head's weighted, normalised score before any
whitening. The time that a judge was waited for is part of `seconds/score`. With
`--rollout.ahead 1`, `seconds/generate` is the writing of the next step's captions, and
`seconds/score` what was left to wait for of this one's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from balcap.advantage.arrays import Float
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers import live_cells
from balcap.advantage.normalizers.groups import apart
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
    "clip_ratio/region_mean": "rollout/clipped",
    "sampling/sampling_logp_difference/mean": "rollout/logp_difference",
    "sampling/importance_sampling_ratio/mean": "rollout/importance_ratio",
}


def step_metrics(rollouts: Rollouts, seconds: Mapping[str, float]) -> Metrics:
    """Metrics of a batch of rollouts. Names: the table on top of this file."""
    words = np.array([row.words for row in rollouts.rows], dtype=np.float64)
    tokens = np.array([row.tokens for row in rollouts.rows], dtype=np.float64)
    credit = rollouts.credit
    advantage, parts = credit.advantage, credit.gain * credit.per_head
    known = rollouts.ratio[~np.isnan(rollouts.ratio)]
    metrics: Metrics = {}
    shares, dead = _variance_shares(credit.per_head), _dead_groups(credit.gated)
    for index, head in enumerate(rollouts.heads):
        name = f"reward/{head}"
        metrics |= _scores(rollouts, index, name)
        metrics |= {f"{name}/dead_groups": dead[index], f"{name}/variance_share": shares[index]}
    metrics |= _pairs(credit.per_head, rollouts.heads)
    for head, usage in rollouts.usage.items():
        metrics |= _judge(usage, f"judge/{head}")
    metrics |= {
        "gate/pass": float(credit.in_band.mean()),
        "length/words": float(words.mean()),
        "length/tokens": float(tokens.mean()),
        "length/ratio": float(known.mean()) if known.size else None,
        "advantage/std": float(advantage.std()),
        "advantage/zero": float((_sign(advantage, parts) == 0).mean()),
        "advantage/gain": credit.gain,
        "advantage/length_corr": correlation(advantage, words)
        if varies(advantage, parts)
        else None,
    }
    return metrics | {f"seconds/{part}": took for part, took in seconds.items()}


def trl_metrics(logs: Mapping[str, Any]) -> Metrics:
    """The numbers of TRL's own log that balcap keeps, under balcap's names."""
    return {ours: finite(logs[theirs]) for theirs, ours in FROM_TRL.items() if theirs in logs}


def finite(value: Any) -> float | None:
    """The value as a float, or None if it is none or not finite."""
    return float(value) if value is not None and math.isfinite(value) else None


def correlation(first: Float, second: Float) -> float | None:
    """Pearson correlation of two [N] arrays; None if either is constant but for rounding."""
    if not (varies(first, first) and varies(second, second)):
        return None
    return float(np.corrcoef(first, second)[0, 1])


def varies(values: Float, parts: Float) -> bool:
    """Whether values [N], sums of such parts, differ by more than rounding; not if N = 0."""
    size = np.abs(parts).max(initial=0.0)
    return bool(len(values) and apart(values.min(), values.max(), size))


def _sign(values: Float, parts: Float) -> Float:
    """The signs of values [N], sums of such parts; 0 for what is 0 but for rounding."""
    size = np.abs(parts).max(initial=0.0)
    return np.where(apart(np.zeros_like(values), np.abs(values), size), np.sign(values), 0.0)


def _scores(rollouts: Rollouts, index: int, name: str) -> Metrics:
    scored = rollouts.matrix.scored[:, index]
    values = rollouts.matrix.values[scored, index]
    return {
        f"{name}/mean": float(values.mean()) if values.size else None,
        f"{name}/std": float(values.std()) if values.size else None,
        f"{name}/unscored": float(1 - scored.mean()),
    }


def _variance_shares(credit: Float) -> list[float | None]:
    """cov(x_h, sum x) / var(sum x) of each head of credit [N, H], or None each if no sum varies.

    They add up to 1; negative for a head that is outvoted by those it disagrees with.
    """
    total = credit.sum(axis=1)
    if not varies(total, credit):
        return [None] * credit.shape[1]
    away = total - total.mean()
    shares = (credit - credit.mean(axis=0)).T @ away / (away @ away)
    return [float(share) for share in shares]


def _judge(usage: Usage, name: str) -> Metrics:
    asked = usage.questions - usage.cached
    return {
        f"{name}/questions": float(usage.questions),
        f"{name}/cached": usage.cached / usage.questions if usage.questions else None,
        f"{name}/failed": usage.failed / usage.questions if usage.questions else None,
        f"{name}/unusable": usage.unusable / usage.first_asked if usage.first_asked else None,
        f"{name}/dropped": usage.dropped / usage.first_asked if usage.first_asked else None,
        f"{name}/prompt_tokens": float(usage.prompt_tokens),
        f"{name}/completion_tokens": float(usage.completion_tokens),
        f"{name}/latency": usage.seconds / asked if asked else None,
        f"{name}/dollars": usage.dollars,
    }


def _dead_groups(gated: RewardMatrix) -> list[float]:
    """Of each head, the share of groups in which no cell differs."""
    live, groups = live_cells(gated), len(np.unique(gated.group))
    return [1 - len(np.unique(gated.group[column])) / groups for column in live.T]


def _pairs(credit: Float, heads: Sequence[str]) -> Metrics:
    columns = [
        (head, column, _sign(column, column)) for head, column in zip(heads, credit.T, strict=True)
    ]
    metrics: Metrics = {}
    for (first, one, sign), (second, other, opposite) in combinations(columns, 2):
        metrics[f"corr/{first}~{second}"] = correlation(one, other)
        metrics[f"conflict/{first}~{second}"] = float((sign * opposite < 0).mean())
    return metrics
