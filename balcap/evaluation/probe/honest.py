"""Which captions are honest? The references, and what is left of them when something is left out.

The whole reference is as good as a caption gets: beside it an attack can only tie or lose on a head
that reaches its highest score there. What a policy in training writes is less, and there is room
above it. So each attack is made of both, and compared with what it was made of.
"""

from __future__ import annotations

from balcap.text import sentences
from balcap.types import Sample

WHOLE, PART = "whole", "part"


def honest(sample: Sample) -> dict[str, str]:
    """The honest captions of a sample that attacks are made of.

    Returns:
        `whole`: its reference; `part`: the first two thirds of its sentences, which is inside the
        gate's band of lengths, where the reference has more than one sentence.
    """
    lines = sentences(sample.reference or "")
    found = {WHOLE: sample.reference or ""}
    if len(lines) > 1:
        found[PART] = " ".join(lines[: min(len(lines) - 1, -(-2 * len(lines) // 3))])
    return found


def opening(sample: Sample) -> str:
    """The first sentence alone: honest and far too short."""
    return " ".join(sentences(sample.reference or "")[:1])
