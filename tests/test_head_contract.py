"""What every registered head must do. A new head joins by its line among the entry points."""

import math
from importlib.metadata import entry_points

import pytest

from balcap.config import DataSettings, ShapesSettings
from balcap.data import shapes
from balcap.heads import find
from balcap.sample import Caption, Sample, Unscored
from balcap.scoring import score

ODD = [
    "",
    " \n\t ",
    "...",
    "\x00\ufffd\u200b",
    "一只狗坐在草地上。",
    "🐕 🐈‍⬛ 🦜",
    "כלב \u202eevil\u202c",
    "**A dog** <b>and</b> {a: 'cat'} \\n %s",
    "dog",
    "the " * 2000,
    "x" * 10000,
    "A dog runs. " * 300,
]


@pytest.fixture(scope="module", params=sorted(p.name for p in entry_points(group="balcap.rewards")))
def head(request):
    return find(request.param)()


@pytest.fixture(scope="module")
def samples():
    world = DataSettings(shapes=ShapesSettings(train=4), eval_samples=0)
    return shapes.load(world)[0]


@pytest.fixture(scope="module")
def captions(samples):
    """References, references of other samples, and halves of them."""
    texts = [sample.reference for sample in samples]
    texts += [text[: len(text) // 2] for text in texts]
    return [Caption(sample, text) for sample in samples for text in texts]


def answers(head, captions):
    """What `balcap.scoring` takes from the head: it refuses a break of the contract itself."""
    scored = score([head], captions)
    column = zip(scored.matrix.values[:, 0].tolist(), scored.reasons, strict=True)
    return [value if reason is None else Unscored(reason) for value, (reason,) in column]


def test_a_head_is_called_as_it_is_registered(head):
    registered = {point.name: point.value for point in entry_points(group="balcap.rewards")}
    assert registered[head.name].endswith(f":{type(head).__name__}")


def test_the_range_has_two_ends(head):
    low, high = head.range
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert low < high


def test_a_complete_sample_is_scored_within_the_range(head, captions):
    values = answers(head, captions)
    assert not any(isinstance(value, Unscored) for value in values)
    assert len(set(values)) > 1, "a head that says the same of everything rewards nothing"


def test_the_order_and_size_of_a_batch_change_nothing(head, captions):
    forth = answers(head, captions)
    assert answers(head, captions[::-1]) == forth[::-1]
    assert [answers(head, [caption])[0] for caption in captions] == forth


def test_a_new_instance_says_the_same(head, captions):
    assert answers(type(head)(), captions) == answers(head, captions)


def test_a_thousand_captions(head, captions):
    thousand = (captions * 1000)[:1000]
    assert answers(head, thousand) == (answers(head, captions) * 1000)[:1000]


def test_no_captions_give_no_answers(head):
    assert list(head.score([])) == []


def test_odd_texts_are_scored(head, samples):
    values = answers(head, [Caption(samples[0], text) for text in ODD])
    assert not any(isinstance(value, Unscored) for value in values)


def test_an_empty_caption_is_no_better_than_a_good_one(head, samples):
    empty, good = answers(head, [Caption(samples[0], t) for t in ("", samples[0].reference)])
    assert empty < good


def test_a_sample_that_lacks_what_the_head_needs_is_not_scored(head, samples):
    bare = Sample("bare", "Describe.")
    value, beside = answers(head, [Caption(bare, "A dog."), Caption(samples[0], "A dog.")])
    assert isinstance(value, Unscored) == bool(head.needs)
    assert not isinstance(beside, Unscored)
    if isinstance(value, Unscored):
        assert value.reason
