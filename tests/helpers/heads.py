"""Heads that behave, and heads that do not: used as `tests/helpers/heads.py:Class`."""

import math
from collections.abc import Sequence

from balcap.heads import Head
from balcap.types import Caption, HeadScore, Unscored


class Letters(Head):  # type: ignore[type-arg]
    """How often a caption says `e`: different captions get different scores."""

    name = "letters"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        return [caption.text.count("e") / (1 + len(caption.text)) for caption in captions]


class Brief(Head):  # type: ignore[type-arg]
    """Shorter is better."""

    name = "brief"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        return [1 / (1 + len(caption.text)) for caption in captions]


class Picky(Head):  # type: ignore[type-arg]
    """Has no score for captions of even length."""

    name = "picky"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        return [Unscored("even") if len(c.text) % 2 == 0 else 0.5 for c in captions]


class NotANumber(Head):  # type: ignore[type-arg]
    """Works on references, and answers NaN for anything that a policy writes."""

    name = "nan"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        return [1.0 if c.text == c.sample.reference else math.nan for c in captions]


class Breaks(Head):  # type: ignore[type-arg]
    """Works on references and for the first step, then raises."""

    name = "breaks"
    calls = 0

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        if any(c.text != c.sample.reference for c in captions):
            Breaks.calls += 1
            if Breaks.calls > 1:
                raise KeyError("lost")
        return [float(len(c.text) % 3) / 3 for c in captions]
