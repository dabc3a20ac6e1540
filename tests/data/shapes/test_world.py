"""The shapes world: what is drawn, said and asked fits together."""

import random
from dataclasses import replace

import pytest

from balcap.config import DataSettings, ShapesSettings
from balcap.data import shapes
from balcap.data.shapes.grounding import ground
from balcap.data.shapes.imperfect import STYLES, cells, imperfect
from balcap.data.shapes.language import related_pair, relation
from balcap.data.shapes.scene import BACKGROUNDS, COLOURS, PLACES, Scene, Thing
from balcap.errors import UserError

SETTINGS = DataSettings(eval_samples=120, shapes=ShapesSettings(train=400))
TRAIN, HELD_OUT = shapes.load(SETTINGS)


def test_train_and_held_out_show_no_scene_twice() -> None:
    scenes = [sample.metadata["scene"].key for sample in (*TRAIN, *HELD_OUT)]
    assert len(set(scenes)) == len(scenes) == 520


def test_held_out_stays_apart_whatever_the_seed() -> None:
    other, _ = shapes.load(replace(SETTINGS, shapes=ShapesSettings(train=400, seed=7)))
    held_out = {sample.metadata["scene"].key for sample in HELD_OUT}
    assert not held_out & {sample.metadata["scene"].key for sample in other}


def test_same_seed_gives_same_samples_and_fewer_are_the_first_of_more() -> None:
    again, _ = shapes.load(replace(SETTINGS, shapes=ShapesSettings(train=50)))
    assert again == TRAIN[:50]


def test_a_picture_shows_its_things_where_they_are() -> None:
    scene = Scene(
        "white", (Thing(0, "large", "red", "square"), Thing(4, "small", "blue", "circle"))
    )
    picture = scene.render()
    assert picture.size == (84, 84)
    assert picture.getpixel((14, 14)) == COLOURS["red"]
    assert picture.getpixel((42, 42)) == COLOURS["blue"]
    assert picture.getpixel((70, 70)) == BACKGROUNDS["white"]
    # a large square reaches 0.85 * 11 = 9 pixels from its centre, a small circle 6
    assert picture.getpixel((14 + 8, 14)) == COLOURS["red"]
    assert picture.getpixel((42 + 8, 42)) == BACKGROUNDS["white"]


def test_every_sample_has_two_to_four_things_and_9_to_15_facts() -> None:
    counts = {len(sample.metadata["scene"].things) for sample in TRAIN}
    assert counts == {2, 3, 4}
    # two of the scene, three a thing, one relation
    assert all(len(s.facts) == 3 + 3 * len(s.metadata["scene"].things) for s in TRAIN)


def test_questions_have_four_different_options_and_one_of_each_kind() -> None:
    kinds = ["colour", "size", "place", "count", "relation", "background"]
    for sample in TRAIN:
        assert [question.kind for question in sample.questions] == kinds
        for question in sample.questions:
            assert len(set(question.choices)) == len(question.statements) == 4


def test_right_answers_are_spread_over_the_letters() -> None:
    places = [question.answer for sample in TRAIN for question in sample.questions]
    for letter in range(4):
        # 2,400 questions: a quarter each, and five standard errors of 0.0088
        assert abs(places.count(letter) / len(places) - 0.25) < 0.045


def test_the_right_statement_is_true_and_the_others_are_false() -> None:
    """Read by the exact grounding, which knows nothing of the questions."""
    for sample in TRAIN:
        for question in sample.questions:
            for index, statement in enumerate(question.statements):
                found = ground(statement, sample.metadata["scene"]).fact_precision
                if "touching" in statement or "one shapes" in statement:
                    continue  # no word of the scene's facts
                assert (found == 1.0) == (index == question.answer), statement


@pytest.mark.parametrize("places", [(0, 1), (0, 3), (2, 3), (1, 8)])
def test_relation_is_by_column_else_by_row(places: tuple[int, int]) -> None:
    first, second = (
        Thing(p, "large", c, "star") for p, c in zip(places, ("red", "blue"), strict=True)
    )
    # 0 and 1 stand side by side; 0 and 3 in one column; 2 is right of 3; 1 is left of 8
    expected = {(0, 1): "left of", (0, 3): "above", (2, 3): "right of", (1, 8): "left of"}
    assert relation(first, second) == expected[places]


def test_references_say_every_fact() -> None:
    for sample in HELD_OUT:
        found = ground(sample.reference or "", sample.metadata["scene"])
        assert (found.fact_precision, found.fact_recall) == (1.0, 1.0)


def test_cells_name_all_nine_places() -> None:
    scene = HELD_OUT[0].metadata["scene"]
    assert len(cells(scene).split(" , ")) == len(PLACES)
    assert related_pair(scene)[0].name in cells(scene)


def test_imperfect_captions_differ_in_what_they_say() -> None:
    """Short ones say least, rambling and telegraphic ones most; noise keeps all below 1."""
    rng = random.Random(0)

    def recall(style: str) -> float:
        said = [(imperfect(s.metadata["scene"], rng, style), s) for s in HELD_OUT]
        return sum(ground(t, s.metadata["scene"]).fact_recall for t, s in said) / len(said)

    recalls = {style: recall(style) for style in STYLES}
    assert recalls["short"] < recalls["decent"] < min(recalls["ramble"], recalls["tele"]) < 1


def test_poor_references_say_less_and_some_of_it_wrong_and_held_out_ones_stay() -> None:
    """Half the things and no relation; an attribute in seven drawn anew, which may hit the old one.

    Of the facts of a thing that is named, at least 0.85^3 = 0.61 stay true together.
    """
    world = replace(SETTINGS, shapes=ShapesSettings(train=400, references="poor"))
    train, held_out = shapes.load(world)
    assert held_out == HELD_OUT
    assert shapes.load(world) == (train, held_out)
    pairs = list(zip(train, TRAIN, strict=True))
    assert all(replace(poor, reference=full.reference) == full for poor, full in pairs)
    found = [ground(poor.reference or "", poor.metadata["scene"]) for poor in train]
    recall = sum(one.fact_recall for one in found) / len(found)
    precision = sum(one.fact_precision or 0 for one in found) / len(found)
    assert 0.4 < recall < 0.6
    assert 0.75 < precision < 0.95


def test_poor_references_and_another_caption_exclude_each_other() -> None:
    with pytest.raises(UserError, match="leave one of the two out"):
        ShapesSettings(references="poor", captions="keywords")
