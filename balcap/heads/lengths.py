"""How long a caption is, and how that compares with its reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from balcap.advantage.arrays import Float
from balcap.text import word_count
from balcap.types import Caption

Unit = Literal["words", "tokens", "chars"]
CountTokens = Callable[[str], int]


def ratios(captions: Sequence[Caption], unit: Unit, count_tokens: CountTokens) -> Float:
    """Length of each caption over the length of its sample's reference.

    Args:
        captions: N captions.
        unit: words (`text.word_count`), policy tokens, or characters.
        count_tokens: the policy's tokenizer; only called for `tokens`.

    Returns:
        [N] float64, >= 0; NaN for a sample without a reference, or with a blank one.
    """
    return np.array([_ratio(caption, unit, count_tokens) for caption in captions], np.float64)


def _ratio(caption: Caption, unit: Unit, count_tokens: CountTokens) -> float:
    reference = caption.sample.reference
    if not reference or reference.isspace():
        return float("nan")
    if unit == "words":
        return word_count(caption.text) / word_count(reference)
    if unit == "chars":
        return len(caption.text) / len(reference)
    return count_tokens(caption.text) / count_tokens(reference)
