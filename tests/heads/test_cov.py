"""cov: how much of the reference a caption states."""

import random
from dataclasses import replace

import numpy as np
import pytest

from balcap.data.shapes.language import place_phrase, thing_sentence
from balcap.data.shapes.scene import COLOURS, SIZES
from balcap.errors import UserError
from balcap.heads.engines.embedding import embedder
from balcap.heads.engines.similarity import best_similarities, excludes
from balcap.types import Caption, Sample, Unscored
from balcap_rewards.cov import Cov, CovConfig

SAMPLE = Sample("a", "", reference="A dog runs. A cat sleeps.", facts=("A bird sings.",))


def covered(text, sample=SAMPLE, **settings):
    return Cov(CovConfig(**settings)).score([Caption(sample, text)])[0]


def test_share_of_the_units_stated(word_embedding):
    assert covered("A cat sleeps. A dog runs.") == pytest.approx(1.0)
    assert covered("A dog runs.") == pytest.approx(0.5)
    assert covered("A bird sings.") == 0.0
    assert covered("A bird sings.", unit="facts") == 1.0
    assert covered("") == 0.0


def test_a_unit_is_covered_by_degrees_between_low_and_high(word_embedding):
    # "A dog sits." has 2 of 3 words of "A dog runs." and one of "A cat sleeps.": cosines 2/3, 1/3.
    # (2/3 - 1/2) / (1 - 1/2) = 1/3 for the first unit, 0 for the second.
    assert covered("A dog sits.", low=0.5, high=1.0) == pytest.approx(1 / 6)


def test_saying_more_takes_nothing_away(word_embedding):
    text, before = "", 0.0
    for more in ("A dog sits.", "A dog sings.", "A dog runs.", "The car is red."):
        text += f" {more}"
        after = covered(text, low=0.1)
        assert after >= before
        before = after


def test_a_sample_without_units_is_not_scored(word_embedding):
    assert covered("A dog.", Sample("b", "")) == Unscored("no reference")
    assert covered("A dog.", Sample("b", ""), unit="facts") == Unscored("no facts")
    assert Cov().requires == {"reference"}
    assert Cov(CovConfig(unit="facts")).requires == {"facts"}


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        # over 150 scenes: 1, .028, 0, 0, .595, .335, .023, .001
        ("reference", 0.999, 1.0),
        ("other image", 0.0, 0.07),
        ("vague", 0.0, 0.01),
        ("empty", 0.0, 0.0),
        ("ramble", 0.50, 0.70),
        ("decent", 0.22, 0.45),
        ("short", 0.0, 0.08),
        ("shuffled", 0.0, 0.03),
    ],
)
def test_measured_on_the_shapes_world(mean_score, kind, low, high):
    assert low <= mean_score(Cov(), kind) <= high


def test_facts_measured_on_the_shapes_world(mean_score):
    facts = Cov(CovConfig(unit="facts"))
    assert 0.78 <= mean_score(facts, "reference") <= 0.90  # 0.836 over 150 scenes
    assert mean_score(facts, "other image") <= 0.15  # 0.092


def other_colour(thing, rng):
    return replace(thing, colour=rng.choice([c for c in COLOURS if c != thing.colour]))


def other_side(thing, rng):
    row, column = divmod(thing.place, 3)
    return replace(thing, place=row * 3 + 2 - column)


def other_size(thing, rng):
    return replace(thing, size=next(size for size in SIZES if size != thing.size))


@pytest.mark.parametrize(
    ("swap", "alone"),
    # With the cosine alone the AUC over 100 scenes is 1.00 for colours, 0.70 for sides and 0.96
    # for sizes; words that exclude each other make it 1.00 for all three.
    [(other_colour, (0.99, 1.0)), (other_side, (0.55, 0.85)), (other_size, (0.90, 1.0))],
)
def test_a_fact_is_told_from_the_same_fact_with_one_thing_swapped(scenes, swap, alone, monkeypatch):
    rng = random.Random(0)
    things = [t for sample in scenes for t in sample.metadata["scene"].things]
    pairs = [(thing, swap(thing, rng)) for thing in things]
    pairs = [(thing, swapped) for thing, swapped in pairs if thing != swapped]
    true = [((thing_sentence(thing),), in_other_words(thing)) for thing, _ in pairs]
    false = [((thing_sentence(thing),), in_other_words(swapped)) for thing, swapped in pairs]
    embed = embedder()
    assert auc(best_similarities(true, embed), best_similarities(false, embed)) == 1.0
    monkeypatch.setattr("balcap.heads.engines.similarity.excludes", lambda one, other: False)
    low, high = alone
    assert low <= auc(best_similarities(true, embed), best_similarities(false, embed)) <= high


def in_other_words(thing):
    return f"There is a {thing.size} {thing.name} {place_phrase(thing.place)}."


def auc(true, false):
    """Chance that a true pair is nearer than a false one, ties half."""
    above = np.array(true)[:, None, 0] - np.array(false)[None, :, 0]
    return float((above > 0).mean() + (above == 0).mean() / 2)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("A red dog.", "A blue dog.", True),
        ("A red dog.", "A dog.", False),
        ("A red dog.", "A blue cat and a red dog.", False),
        ("At the top left.", "At the top.", False),
        ("At the top left.", "At the top right.", True),
        ("A large dog.", "A big dog.", False),
        ("A gray dog.", "A Grey dog.", False),
        ("Two dogs.", "Three dogs.", True),
        ("", "A red dog.", False),
    ],
)
def test_words_that_exclude_each_other(one, other, expected):
    assert excludes(one, other) is excludes(other, one) is expected


def test_mistaken_settings_are_refused():
    with pytest.raises(UserError, match=r"cov.unit is 'assertions'.*set cov.engine=llm"):
        CovConfig(unit="assertions")
    with pytest.raises(UserError, match=r"cov.low is 0.9 and cov.high 0.8; it needs low < high"):
        CovConfig(low=0.9, high=0.8)
