"""Exact grounding: worked numbers on one scene."""

import pytest

from balcap.data.shapes.grounding import claims, ground, scene_facts
from balcap.data.shapes.scene import Scene, Thing

SCENE = Scene(
    "gray",
    (
        Thing(0, "large", "red", "circle"),
        Thing(4, "small", "blue", "square"),
        Thing(8, "large", "green", "star"),
    ),
)
# background, count, 3 x (object, size, place), red circle left of green star
FACTS = 12


def test_the_scene_has_twelve_facts() -> None:
    assert len(scene_facts(SCENE)) == FACTS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        ("A fine picture.", set()),
        (
            "A large red circle is at the top left.",
            {
                ("object", "red circle"),
                ("size", "red circle", "large"),
                ("at", "red circle", "top left"),
            },
        ),
        (
            "large red circle top left , small blue square centre",
            {
                ("object", "red circle"),
                ("size", "red circle", "large"),
                ("at", "red circle", "top left"),
                ("object", "blue square"),
                ("size", "blue square", "small"),
                ("at", "blue square", "centre"),
            },
        ),
        (
            "The green star is right of the red circle.",
            {
                ("object", "green star"),
                ("object", "red circle"),
                ("left of", "red circle", "green star"),
            },
        ),
        ("three shapes on a gray background", {("count", "three"), ("background", "gray")}),
        ("The red circle is large.", {("object", "red circle"), ("size", "red circle", "large")}),
    ],
)
def test_claims_are_read_in_every_style(text: str, expected: set[tuple[str, ...]]) -> None:
    assert claims(text) == expected


def test_one_false_place_among_true_claims() -> None:
    found = ground("A large red circle is at the bottom.", SCENE)
    assert found.object_precision == 1.0
    assert found.object_recall == pytest.approx(1 / 3)
    assert found.fact_precision == pytest.approx(2 / 3)  # object and size right, place wrong
    assert found.fact_recall == pytest.approx(2 / FACTS)


def test_an_invented_thing_costs_precision_and_gives_no_recall() -> None:
    found = ground("A red circle and a purple cross.", SCENE)
    assert found.object_precision == 0.5
    assert found.object_recall == pytest.approx(1 / 3)


def test_saying_it_twice_changes_nothing() -> None:
    once = "A small blue square is in the centre."
    assert ground(f"{once} {once}", SCENE) == ground(once, SCENE)


def test_a_caption_that_claims_nothing_has_no_precision() -> None:
    found = ground("Lovely!", SCENE)
    assert found.object_precision is None
    assert found.fact_precision is None
    assert found.fact_recall == 0.0


def test_a_relation_is_true_in_both_directions_of_saying_it() -> None:
    for text in (
        "The red circle is above the blue square.",
        "The blue square is below the red circle.",
    ):
        assert ground(text, SCENE).fact_precision == 1.0
    assert ground(
        "The red circle is below the blue square.", SCENE
    ).fact_precision == pytest.approx(2 / 3)
