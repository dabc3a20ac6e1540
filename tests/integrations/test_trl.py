"""`balcap.integrations.trl` in TRL's own `GRPOTrainer`: what arrives is what balcap computes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import pytest

from balcap.config import RewardSettings
from balcap.errors import UserError
from balcap.heads import Head
from balcap.integrations.trl import rewards_for
from balcap.types import Caption, HeadScore, Sample, Unscored


class Spread(Head):  # type: ignore[type-arg]
    """Scores that are spread over [0, 1], the same for the same text; some are missing."""

    name = "spread"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        values = [zlib.crc32(caption.text.encode()) % 1000 for caption in captions]
        return [Unscored("a seventh") if v % 7 == 0 else v / 1000 for v in values]


class Other(Head):  # type: ignore[type-arg]
    """Scores that hang on the text in another way; none is missing."""

    name = "other"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        return [zlib.adler32(caption.text.encode()) % 97 / 97 for caption in captions]


HEADS = f"{__file__}:Spread=1,{__file__}:Other=0.5"


def settings(**given) -> RewardSettings:
    return RewardSettings(**{"rewards": HEADS, "gate_heads": "other", **given})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"normalizer": "gd2po"}, "normalizer is 'gd2po', which TRL does not have"),
        ({"gate": "post"}, "gate is 'post', which changes scores after they are normalised"),
        ({"length_unit": "tokens"}, "length_unit is tokens"),
    ],
)
def test_what_trl_cannot_do_is_refused(given, words) -> None:
    with pytest.raises(UserError, match=words):
        rewards_for(settings(**given))


def test_the_gate_acts_and_a_missing_score_is_none() -> None:
    """One word against a reference of four is a ratio of 0.25, out of the band of 0.5 to 2."""
    row = {"id": ["a"], "reference": ["a red small ball"], "trainer_state": object()}
    text = "balls"
    for gate, expected in {
        "zero": [0.0],
        "exclude": [None],
        "none": Other().score([_said(text)]),
    }.items():
        other = rewards_for(settings(gate=gate)).functions[1]
        assert other(prompts=[""], completions=[text], **row) == expected


def test_a_data_set_without_ids_is_told_apart_from_one_that_scores_0() -> None:
    function = rewards_for(settings()).functions[0]
    with pytest.raises(UserError, match="no column 'id'"):
        function(prompts=[""], completions=["a ball"], reference=["a ball"])


def _said(text: str) -> Caption:
    return Caption(Sample("a", ""), text)
