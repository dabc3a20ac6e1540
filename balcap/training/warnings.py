"""What is allowed, and is probably not meant?"""

from __future__ import annotations

from collections.abc import Iterator

from balcap.config import ResolvedTrainSettings
from balcap.training.engine_check import unread

BFLOAT16_STEP = 4e-5
"""Half the distance between two bfloat16 numbers near 0.02, a usual size of a weight: they have 8
bits, so it is 0.02 / 2^8 / 2. AdamW moves a weight by about the learning rate."""


def warnings_of(settings: ResolvedTrainSettings) -> Iterator[str]:
    """Sentences for a person."""
    if settings.dtype == "bfloat16" and not settings.lora.rank and settings.lr < BFLOAT16_STEP:
        yield (
            f"dtype is bfloat16, all weights are trained, and lr is {settings.lr:g}: most updates "
            f"are smaller than half a step between two bfloat16 numbers ({BFLOAT16_STEP:g} for a "
            "weight of 0.02) and are lost; leave --dtype out (float32 weights, bfloat16 "
            "arithmetic on a GPU), or train adapters with --lora.rank"
        )
    if settings.reshaped_by:
        yield (
            f"captions are drawn with {', '.join(settings.reshaped_by)}, of which the loss's "
            "log-probabilities know nothing: the update is off-policy by as much"
        )
    if settings.rollout.ahead:
        yield (
            "rollout.ahead is 1, so captions are one update old: the update is off-policy by as "
            "much; its ratio is to the policy that wrote them (rollout/clipped in the metrics)"
        )
    yield from unread(settings.rollout)
