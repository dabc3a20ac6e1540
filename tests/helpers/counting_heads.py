"""Heads whose scores can be told by looking at the caption or the image."""

from collections.abc import Sequence

from balcap.errors import JudgeError
from balcap.heads import Head
from balcap.types import Caption, HeadScore, Unscored


class Points(Head):  # type: ignore[type-arg]
    """The number that a caption ends with, in tenths; 9 is no score."""

    name = "points"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        tenths = [int(caption.text[-1]) for caption in captions]
        return [Unscored("a nine") if each == 9 else each / 10 for each in tenths]


class Wordy(Head):  # type: ignore[type-arg]
    """A tenth a word."""

    name = "wordy"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        return [len(caption.text.split()) / 10 for caption in captions]


class Width(Head):  # type: ignore[type-arg]
    """The width of the image, in hundreds."""

    name = "width"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        return [each.sample.open_image().width / 100 for each in captions]


class Down(Head):  # type: ignore[type-arg]
    """A judge that does not answer."""

    name = "down"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        raise JudgeError("the judge is down")
