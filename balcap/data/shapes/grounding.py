"""Which statements of a caption are true of a scene: exact, by reading the world's own words.

This is the measure that no reward optimises but precision with its engine `scene`. A caption's
claims are a set, so saying a thing twice changes nothing; a claim is true or false of the scene,
without partial credit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from balcap.data.shapes.language import NUMBERS, related_pair, relation
from balcap.data.shapes.scene import BACKGROUNDS, COLOURS, PLACES, SHAPES, SIZES, Scene, Thing
from balcap.text import sentences

Fact = tuple[str, ...]
"""`("object", "red circle")`, `("size", "red circle", "large")`, `("at", "red circle", "top")`,
`("left of", "red circle", "blue star")`, `("count", "three")`, `("background", "gray")`."""

GROUNDING = ("object_precision", "object_recall", "fact_precision", "fact_recall")
"""Names of the measures that an evaluation reports: fields of `Grounding`."""

_OPPOSITE = {"right of": "left of", "below": "above"}


def _any(names: Iterable[str]) -> str:
    return "|".join(sorted(names, key=len, reverse=True))  # longest first: "top left" before "top"


_MENTION = re.compile(
    rf"\b(?:(?P<size>{_any(SIZES)})\s+)?(?P<colour>{_any(COLOURS)})\s+(?P<shape>{_any(SHAPES)})\b"
)
_RELATION = re.compile(r"\b(left of|right of|above|below)\b")
_PLACE = re.compile(rf"\b({_any(PLACES)})\b(?!\s+of\b)")
_SIZE_AFTER = re.compile(rf"^\s+is\s+({_any(SIZES)})\b")
_COUNT = re.compile(rf"\b({_any(NUMBERS.values())})\s+shapes\b")
_BACKGROUND = re.compile(rf"\b({_any(BACKGROUNDS)})\s+background\b")
_BACKGROUND_IS = re.compile(rf"\bbackground\s+is\s+({_any(BACKGROUNDS)})\b")


@dataclass(frozen=True, slots=True)
class Grounding:
    """How much of a caption is true, and how much of the truth it says.

    Shares in [0, 1]; a precision is None for a caption that claims nothing of the kind.
    """

    object_precision: float | None
    object_recall: float
    fact_precision: float | None
    fact_recall: float

    @property
    def fact_f1(self) -> float:
        """2PR / (P + R) of facts; 0 where nothing is claimed or nothing claimed is true."""
        precision, recall = self.fact_precision or 0.0, self.fact_recall
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def scene_facts(scene: Scene) -> frozenset[Fact]:
    """The 9 to 15 facts that recall counts: two of the scene, three a thing, one relation."""
    known: set[Fact] = {
        ("background", scene.background),
        ("count", NUMBERS[len(scene.things)]),
        _relation_fact(*related_pair(scene)),
    }
    for thing in scene.things:
        known |= {
            ("object", thing.name),
            ("size", thing.name, thing.size),
            ("at", thing.name, PLACES[thing.place]),
        }
    return frozenset(known)


def claims(text: str) -> frozenset[Fact]:
    """Every statement of a caption that the world has words for, in any of its styles."""
    text = " ".join(text.lower().split())
    found: set[Fact] = {("count", match) for match in _COUNT.findall(text)}
    found |= {("background", match) for match in _BACKGROUND.findall(text)}
    found |= {("background", match) for match in _BACKGROUND_IS.findall(text)}
    for clause in re.split(r"[.,;:]", text):
        found |= _clause_claims(clause)
    return frozenset(found)


def ground(text: str, scene: Scene) -> Grounding:
    """Compare a caption's claims with the scene."""
    said = claims(text)
    facts = scene_facts(scene)
    true = {claim for claim in said if _is_true(claim, scene)}
    objects = {claim for claim in said if claim[0] == "object"}
    return Grounding(
        object_precision=len(objects & true) / len(objects) if objects else None,
        object_recall=len(objects & facts) / len(scene.things),
        fact_precision=len(true) / len(said) if said else None,
        fact_recall=len(said & facts) / len(facts),
    )


def verdicts(text: str, scene: Scene) -> tuple[bool | None, ...]:
    """Whether each claim of a caption is true; None for each sentence that makes none.

    A sentence that is said twice counts once, as a claim does.
    """
    checked = [_is_true(claim, scene) for claim in sorted(claims(text))]
    idle = {line.lower() for line in sentences(text) if not claims(line)}
    return (*checked, *(None for _ in idle))


def _clause_claims(clause: str) -> set[Fact]:
    """Read mentions from left to right; what follows one, up to the next, belongs to it."""
    mentions = list(_MENTION.finditer(clause))
    found: set[Fact] = set()
    for index, mention in enumerate(mentions):
        name = f"{mention['colour']} {mention['shape']}"
        end = mentions[index + 1].start() if index + 1 < len(mentions) else len(clause)
        rest = clause[mention.end() : end]
        found.add(("object", name))
        if mention["size"]:
            found.add(("size", name, mention["size"]))
        if after := _SIZE_AFTER.match(rest):
            found.add(("size", name, after[1]))
        related = _RELATION.search(rest)
        if related and index + 1 < len(mentions):
            following = mentions[index + 1]
            other = f"{following['colour']} {following['shape']}"
            found.add(_canonical(related[1], name, other))
        found |= {("at", name, place) for place in _PLACE.findall(rest)}
    return found


def _canonical(how: str, first: str, second: str) -> Fact:
    """One form for each relation: `right of` and `below` are turned round."""
    if how in _OPPOSITE:
        return (_OPPOSITE[how], second, first)
    return (how, first, second)


def _relation_fact(first: Thing, second: Thing) -> Fact:
    return _canonical(relation(first, second), first.name, second.name)


def _is_true(claim: Fact, scene: Scene) -> bool:
    if claim[0] not in ("left of", "above"):
        return claim in scene_facts(scene)
    named = {thing.name: thing for thing in scene.things}
    first, second = named.get(claim[1]), named.get(claim[2])
    if first is None or second is None or first is second:
        return False
    if claim[0] == "left of":
        return first.place % 3 < second.place % 3
    return first.place // 3 < second.place // 3
