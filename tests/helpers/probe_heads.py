"""Heads for the probe: one that is easily gamed, one that is not, and some that do not answer."""

from collections.abc import Sequence

from balcap.heads import Head
from balcap.text import sentences
from balcap.types import Caption, HeadScore, Unscored


class Length(Head):  # type: ignore[type-arg]
    """The longer the better."""

    name = "length"

    def score(self, captions: Sequence[Caption]) -> list[HeadScore]:
        return [min(1.0, len(caption.text) / 1000) for caption in captions]


class Truth(Head):  # type: ignore[type-arg]
    """Share of the reference's sentences that are said, less those that are not in it or repeat."""

    name = "truth"

    def score(self, captions: Sequence[Caption]) -> list[HeadScore]:
        return [self._one(caption) for caption in captions]

    def _one(self, caption: Caption) -> float:
        wanted = sentences(caption.sample.reference or "")
        said = sentences(caption.text)
        right = len(set(said) & set(wanted))
        return max(0.0, (2 * right - len(said)) / len(wanted))


class Picky(Head):  # type: ignore[type-arg]
    """Has no score for a text that says "calm"."""

    name = "picky"

    def score(self, captions: Sequence[Caption]) -> list[HeadScore]:
        return [
            Unscored("calm", "answer") if "calm" in caption.text else float("shape" in caption.text)
            for caption in captions
        ]


class Silent(Head):  # type: ignore[type-arg]
    """Never answers."""

    name = "silent"

    def score(self, captions: Sequence[Caption]) -> list[HeadScore]:
        return [Unscored("nobody at home", "judge") for _ in captions]
