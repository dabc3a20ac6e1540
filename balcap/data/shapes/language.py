"""What can be said of a scene: its reference caption, its facts, its questions."""

from __future__ import annotations

import random
from collections.abc import Sequence

from balcap.data.shapes.scene import BACKGROUNDS, COLOURS, PLACES, SHAPES, SIZES, Scene, Thing
from balcap.types import Question

NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}


def place_phrase(place: int) -> str:
    """`at the top left`, `in the centre`, ...: where a thing is, as a sentence says it."""
    name = PLACES[place]
    return f"in the {name}" if name == "centre" else f"at the {name}"


def relation(first: Thing, second: Thing) -> str:
    """How `first` lies to `second`: by column where they differ, else by row."""
    if first.place % 3 != second.place % 3:
        return "left of" if first.place % 3 < second.place % 3 else "right of"
    return "above" if first.place < second.place else "below"


def related_pair(scene: Scene) -> tuple[Thing, Thing]:
    """The two things that reference and questions relate: the first and the last."""
    return scene.things[0], scene.things[-1]


def intro(scene: Scene) -> str:
    """The reference's first sentence: number of things and background."""
    count = NUMBERS[len(scene.things)]
    return f"The picture shows {count} shapes on a {scene.background} background."


def thing_sentence(thing: Thing) -> str:
    """The reference's sentence about one thing."""
    return f"A {thing.size} {thing.name} is {place_phrase(thing.place)}."


def relation_sentence(first: Thing, second: Thing) -> str:
    """The reference's sentence about two things."""
    return f"The {first.name} is {relation(first, second)} the {second.name}."


def reference(scene: Scene) -> str:
    """A full caption: intro, one sentence a thing, one relation."""
    parts = [intro(scene), *map(thing_sentence, scene.things)]
    return " ".join((*parts, relation_sentence(*related_pair(scene))))


def facts(scene: Scene) -> tuple[str, ...]:
    """Short true statements, 9 to 15: the same that `grounding.scene_facts` counts."""
    lines = [
        f"The background is {scene.background}.",
        f"There are {NUMBERS[len(scene.things)]} shapes.",
    ]
    for thing in scene.things:
        lines += [
            f"There is a {thing.name}.",
            f"The {thing.name} is {thing.size}.",
            f"The {thing.name} is {place_phrase(thing.place)}.",
        ]
    return (*lines, relation_sentence(*related_pair(scene)))


def questions(scene: Scene, rng: random.Random) -> tuple[Question, ...]:
    """Six four-option questions: colour, size, place, count, relation, background."""
    return (
        _colour(scene, rng),
        _size(scene, rng),
        _place(scene, rng),
        _count(scene, rng),
        _relation(scene, rng),
        _background(scene, rng),
    )


def _ask(
    kind: str,
    text: str,
    right: str,
    wrong: Sequence[str],
    statement: str,
    rng: random.Random,
) -> Question:
    """Shuffle three of the wrong options in; `statement` has `{}` where an option stands."""
    choices = [right, *rng.sample(list(wrong), 3)]
    rng.shuffle(choices)
    said = tuple(statement.format(choice) for choice in choices)
    return Question(text, tuple(choices), choices.index(right), said, kind)


def _others(names: Sequence[str], right: str) -> list[str]:
    return [name for name in names if name != right]


def _colour(scene: Scene, rng: random.Random) -> Question:
    thing = rng.choice(scene.things)
    where = place_phrase(thing.place)
    return _ask(
        "colour",
        f"What colour is the {thing.shape} {where}?",
        thing.colour,
        _others(list(COLOURS), thing.colour),
        f"A {{}} {thing.shape} is {where}.",
        rng,
    )


def _size(scene: Scene, rng: random.Random) -> Question:
    thing = rng.choice(scene.things)
    other = _others(list(SIZES), thing.size)[0]
    colour = rng.choice(_others(list(COLOURS), thing.colour))
    shape = rng.choice(_others(SHAPES, thing.shape))
    wrong = [
        f"{other} {thing.name}",
        _false_look(scene, thing.size, colour, thing.shape),
        _false_look(scene, other, thing.colour, shape),
    ]
    return _ask(
        "size",
        "Which of these is in the picture?",
        f"{thing.size} {thing.name}",
        wrong,
        "There is a {}.",
        rng,
    )


def _false_look(scene: Scene, size: str, colour: str, shape: str) -> str:
    """The look as an option, in the other size where a thing of the scene really has it."""
    if any((size, colour, shape) == (t.size, t.colour, t.shape) for t in scene.things):
        size = _others(list(SIZES), size)[0]
    return f"{size} {colour} {shape}"


def _place(scene: Scene, rng: random.Random) -> Question:
    thing = rng.choice(scene.things)
    return _ask(
        "place",
        f"Where is the {thing.name}?",
        place_phrase(thing.place),
        [place_phrase(place) for place in range(len(PLACES)) if place != thing.place],
        f"The {thing.name} is {{}}.",
        rng,
    )


def _count(scene: Scene, rng: random.Random) -> Question:
    right = NUMBERS[len(scene.things)]
    return _ask(
        "count",
        "How many shapes are there?",
        right,
        _others(list(NUMBERS.values()), right),
        "The picture shows {} shapes.",
        rng,
    )


def _relation(scene: Scene, rng: random.Random) -> Question:
    first, second = related_pair(scene)
    right = relation(first, second)
    level = ["left of", "right of"]
    upright = ["above", "below"]
    if right in level:
        # Diagonal pairs have two true relations: only the false vertical one may be an option.
        lower = first.place // 3 > second.place // 3
        wrong = [*_others(level, right), "above" if lower else "below", "touching"]
    else:
        wrong = [*_others(upright, right), *level]
    return _ask(
        "relation",
        f"Where is the {first.name} relative to the {second.name}?",
        right,
        wrong,
        f"The {first.name} is {{}} the {second.name}.",
        rng,
    )


def _background(scene: Scene, rng: random.Random) -> Question:
    return _ask(
        "background",
        "What colour is the background?",
        scene.background,
        _others(list(BACKGROUNDS), scene.background),
        "The picture has a {} background.",
        rng,
    )
