"""From verdicts on pairs of captions to the score of CapArena-Auto, and who stands on which side.

The published score (arXiv 2503.12329) is (wins - losses) / 2 against each of three baselines, and
the mean of the three: from -100 to 100 for 200 images a baseline.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from balcap.advantage.arrays import Float
from balcap.evaluation.protocol import Record
from balcap.statistics import interval

BASELINES = ("gpt", "cog", "cpm")  # GPT-4o-0806, CogVLM2-llama3-chat-19B, MiniCPM-V2.6-8B


def comes_first(image: str, seed: int) -> bool:
    """Whether the caption of an image is shown as Caption 1."""
    return random.Random(f"{seed} {image}").random() < 0.5


def by_images(means: Float) -> Float:
    """The score with each baseline's own number of images as the divisor, -100 to 100.

    Args:
        means: [..., 6], sums of the verdicts by baseline and numbers of the images by baseline,
            all six divided by the same number. A baseline without images counts 0.
    """
    sums, counts = means[..., :3], means[..., 3:]
    parts = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    score: Float = 100.0 * parts.mean(axis=-1)
    return score


def as_published(records: Sequence[Record], seed: int) -> dict[str, Any]:
    """The score with the published, fixed divisor, and its interval, of scored records."""
    scores = np.array([[record.score] for record in records], dtype=np.float64).reshape(-1, 1)
    scale = 1 / (2 * len(BASELINES))

    def published(means: Float) -> Float:
        score: Float = scale * len(records) * means[..., 0]
        return score

    samples = [record.sample for record in records]
    return {
        "score": float(scale * scores.sum()),
        "interval": interval(scores, samples, published, seed),
    }


def standing(records: Sequence[Record]) -> dict[str, Any]:
    """Against one baseline. With two orders an image is won or lost if its mean verdict is."""
    scores = [record.score or 0.0 for record in records]
    return {
        "score": 100 * float(np.mean(scores)) if scores else None,
        "as_published": sum(scores) / 2,
        "wins": sum(score > 0 for score in scores),
        "losses": sum(score < 0 for score in scores),
        "ties": sum(score == 0 for score in scores),
        "n_scored": len(scores),
    }


def sides(records: Sequence[Record]) -> dict[str, float | None]:
    """`first_frac`: how often Caption 1 was called better, of the verdicts that are no tie; about a
    half of a judge that does not look at sides. `order_agreement`: of images judged both ways, the
    share with the same verdict both times."""
    pairs = [record.detail["verdicts"] for record in records]
    better = [verdict["better"] for pair in pairs for verdict in pair if verdict["better"] != "tie"]
    both = [pair[0]["won"] == pair[1]["won"] for pair in pairs if len(pair) == 2]
    return {
        "first_frac": better.count("1") / len(better) if better else None,
        "order_agreement": sum(both) / len(both) if both else None,
    }
