"""What the embedded policies start from: short, partial, rambling, telegraphic, some wrong.

By design the informative styles are the disfluent ones. That makes the trade-off between utility
and language visible in minutes; it is a property of this mixture, not of photographs.
"""

from __future__ import annotations

import random
from dataclasses import replace

from balcap.data.shapes.language import (
    NUMBERS,
    intro,
    place_phrase,
    related_pair,
    relation_sentence,
    thing_sentence,
)
from balcap.data.shapes.scene import COLOURS, PLACES, SHAPES, SIZES, Scene, Thing

STYLES = {"short": 0.30, "decent": 0.35, "ramble": 0.15, "tele": 0.20}
NOISE = 0.06  # share of attributes that are drawn anew
POOR_KEPT = 0.5  # share of the things that a poor reference names; at least one. Ours
POOR_NOISE = 0.15  # share of their attributes that are drawn anew. Ours


def imperfect(scene: Scene, rng: random.Random, style: str | None = None) -> str:
    """One caption in the given style, or in one drawn by the shares of `STYLES`."""
    style = style or rng.choices(list(STYLES), list(STYLES.values()))[0]
    things = [_garbled(thing, rng) for thing in scene.things]
    return {"short": _short, "decent": _decent, "ramble": _ramble, "tele": _tele}[style](
        scene, things, rng
    )


def keywords(scene: Scene) -> str:
    """Every thing of the scene as a list of words, nothing wrong: the telegraphic style's ideal."""
    return _tele(scene, list(scene.things), random.Random(0))


def cells(scene: Scene) -> str:
    """The grid read out cell by cell: what a policy learns first, to tie image tokens to words."""
    at = {thing.place: f"{thing.size} {thing.name}" for thing in scene.things}
    rows = (f"{name} {at.get(place, 'empty')}" for place, name in enumerate(PLACES))
    return f"{scene.background} : " + " , ".join(rows)


def poor(scene: Scene, rng: random.Random) -> str:
    """A reference as a weaker captioner writes it: fluent, short, and some of it wrong.

    BalCapRL trains with ShareGPT4V's own captions in place of better ones (arXiv 2605.07394); how
    poor those are is not known as a number, so both shares here are ours.
    """
    kept = [thing for thing in scene.things if rng.random() < POOR_KEPT] or [scene.things[0]]
    things = (_garbled(thing, rng, POOR_NOISE) for thing in kept)
    return " ".join((intro(scene), *map(thing_sentence, things)))


def _garbled(thing: Thing, rng: random.Random, noise: float = NOISE) -> Thing:
    if rng.random() < noise:
        thing = replace(thing, colour=rng.choice(list(COLOURS)))
    if rng.random() < noise:
        thing = replace(thing, shape=rng.choice(SHAPES))
    if rng.random() < noise:
        thing = replace(thing, size=rng.choice(list(SIZES)))
    if rng.random() < noise:
        thing = replace(thing, place=rng.randrange(len(PLACES)))
    return thing


def _short(scene: Scene, things: list[Thing], rng: random.Random) -> str:
    first, second = things[:2]
    return rng.choice(
        (
            f"A {first.name} and a {second.name}.",
            f"A picture with a {first.name}.",
            f"There is a {first.name} {place_phrase(first.place)}.",
            f"Some shapes on a {scene.background} background.",
        )
    )


def _decent(scene: Scene, things: list[Thing], rng: random.Random) -> str:
    lines = [intro(scene)] if rng.random() < 0.5 else []
    for thing in things[: rng.randint(1, 2)]:
        full = thing_sentence(thing)
        bare = f"There is a {thing.name} {place_phrase(thing.place)}."
        vague = f"There is a {thing.size} {thing.name}."
        lines.append(rng.choices((full, bare, vague), (0.5, 0.3, 0.2))[0])
    if rng.random() < 0.15:
        lines.append(relation_sentence(*related_pair(scene)))
    return " ".join(lines)


def _ramble(scene: Scene, things: list[Thing], rng: random.Random) -> str:
    count = NUMBERS[len(scene.things)]
    lines = [f"picture show {count} shapes on {scene.background} background"]
    for thing in things:
        where = place_phrase(thing.place)
        lines.append(f"a {thing.size} {thing.name} is {where}")
        if rng.random() < 0.5:
            lines.append(
                rng.choice(
                    (
                        f"the {thing.name} is is {where} {where}",
                        f"and {thing.shape} is {thing.colour} and {thing.size}",
                        f"the the {thing.name}",
                    )
                )
            )
    return " and ".join(lines) + rng.choice((" .", "", " and"))


def _tele(scene: Scene, things: list[Thing], rng: random.Random) -> str:
    head = f"{NUMBERS[len(scene.things)]} shapes {scene.background} background"
    return " , ".join((head, *(f"{t.size} {t.name} {PLACES[t.place]}" for t in things)))
