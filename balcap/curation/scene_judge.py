"""A judge of the built-in world that needs no model: all it knows of a picture is its scene.

To try curation out, and to test it. One in ten of its questions has a fault, one in ten of its
answers is wrong, and without the picture it guesses: which, a hash decides, so that it says the
same of the same. References, facts and criteria are right.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from balcap.curation.menu import WITH_IMAGE, WITHOUT_IMAGE
from balcap.curation.questions import PROMPT
from balcap.curation.texts import FactLists, References, Rubrics
from balcap.data.shapes.language import facts, place_phrase, questions, reference
from balcap.data.shapes.scene import Scene
from balcap.errors import JudgeError
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import CLOSE, OPEN
from balcap.judges.types import JudgeRequest
from balcap.types import Question

_NUMBERED = re.compile(rf"^(\d+)\. {OPEN}(.*?){CLOSE}$", re.DOTALL | re.MULTILINE)
_STUDENT = re.compile(rf"^Student: {OPEN}(.*?){CLOSE}$", re.DOTALL | re.MULTILINE)

WRONG = 0.1
USUAL = "three"
"""What it says of a number without the picture: scenes have two to four things."""

_STATEMENTS = {
    r"What colour is the background\?": "The picture has a {option} background.",
    r"What colour is the (\w+) ((?:at|in) the [\w ]+)\?": "A {option} {0} is {1}.",
    r"Which of these is in the picture\?": "There is a {option}.",
    r"Where is the (\w+ \w+)\?": "The {0} is {option}.",
    r"How many shapes are there\?": "The picture shows {option} shapes.",
    r"Where is the (\w+ \w+) relative to the (\w+ \w+)\?": "The {0} is {option} the {1}.",
}
"""What an option states, by the question: `balcap.data.shapes.language` asks in these words."""


def answer(request: JudgeRequest) -> str:
    """Answer a question of `balcap curate` about a scene of the built-in world.

    Raises:
        JudgeError: for another picture, or another question.
    """
    message = request.messages[-1]
    scene = next((picture.sample.image for picture in message.pictures), None)
    if not isinstance(scene, Scene | None):
        raise JudgeError("the scene judge knows the pictures of --data shapes only")
    return say(message.text, scene)


def say(text: str, scene: Scene | None, wrong: float = WRONG) -> str:
    """What it says.

    Args:
        text: one of the prompts of this room, filled in.
        scene: of the picture; None where it is not shown.
        wrong: share of faults, in [0, 1].

    Raises:
        JudgeError: for another question, or without a picture that is asked about.
    """
    if filled := _filled(WITHOUT_IMAGE, text):
        return _guess(*_menu(filled[1]))
    if scene is None:
        raise JudgeError("the scene judge is shown no picture")
    if filled := _filled(WITH_IMAGE, text):
        return _read(*_menu(filled[1]), scene, wrong)
    if filled := _filled(PROMPT, text):
        return json.dumps({"questions": _written(scene, int(filled[1]), wrong)})
    if text == References.prompt.text:
        return reference(scene)
    if text == FactLists.prompt.text:
        return json.dumps({"facts": facts(scene)})
    if text == Rubrics.prompt.text:
        return json.dumps({"criteria": [_plain(one) for one in _criteria(scene)]})
    if captions := _NUMBERED.findall(text):
        return json.dumps({"criteria": _agreed(scene, captions, _STUDENT.search(text))})
    raise JudgeError(f"the scene judge knows no answer to {text[:60]!r}")


def _filled(prompt: Prompt, text: str) -> re.Match[str] | None:
    """Whether a text is a prompt of one name, and what stands there."""
    pattern = re.sub(r"\\\{\w+\\\}", "(.*)", re.escape(prompt.text))
    return re.fullmatch(pattern, text, re.DOTALL)


def _menu(quoted: str) -> tuple[str, list[str]]:
    """Question and options of a menu between the marks."""
    question, *options = quoted.removeprefix(OPEN).removesuffix(CLOSE).strip().splitlines()
    return question, [option.partition(") ")[2] for option in options]


def _written(scene: Scene, number: int, wrong: float) -> list[dict[str, Any]]:
    """At most six questions, some of them with a fault."""
    found: list[Question] = []
    for question in questions(scene, random.Random(scene.key))[:number]:
        seed = f"{scene.key} {question.text}"
        faulty = _chance(seed) < wrong
        found.append(_with_fault(question, found, seed) if faulty else question)
    return [
        {
            "category": each.kind,
            "question": each.text,
            "choices": list(each.choices),
            "answer": each.choices[each.answer],
            "statements": list(each.statements),
        }
        for each in found
    ]


def _with_fault(question: Question, before: Sequence[Question], seed: str) -> Question:
    """One of four faults: a wrong answer, an option twice, the answer given away, asked before."""
    wrong = (question.answer + 1) % len(question.choices)
    fault = int(_chance(f"fault {seed}") * 4)
    if fault == 0:
        return replace(question, answer=wrong)
    if fault == 1:
        choices = list(question.choices)
        choices[wrong] = f"{question.choices[question.answer]}."
        return replace(question, choices=tuple(choices))
    if fault == 2 or not before:
        hint = question.choices[question.answer]
        return replace(question, text=f"{question.text} It is not hard to see: {hint}.")
    return replace(before[0], text=f"Say, please: {before[0].text}")


def _read(asked: str, options: Sequence[str], scene: Scene, wrong: float) -> str:
    """The letter of the option that is true of the scene, or another one."""
    right = [place for place, option in enumerate(options) if _is_true(asked, option, scene)]
    place = right[0] if len(right) == 1 else 0
    seed = f"{scene.key} {asked} {options}"
    if _chance(seed) < wrong:
        place += 1 + int(_chance(f"instead {seed}") * (len(options) - 1))
    return chr(ord("A") + place % len(options))


def _guess(asked: str, options: Sequence[str]) -> str:
    """The usual number where numbers are asked for, else any letter."""
    if USUAL in options:
        return chr(ord("A") + options.index(USUAL))
    return chr(ord("A") + int(_chance(f"{asked} {options}") * len(options)))


def _is_true(asked: str, option: str, scene: Scene) -> bool:
    for pattern, statement in _STATEMENTS.items():
        if option != "touching" and (found := re.search(pattern, asked)):
            verdicts = scene.verdicts(statement.format(*found.groups(), option=option))
            return all(verdict is True for verdict in verdicts)
    return False


_Criterion = tuple[str, str, tuple[str, ...]]
"""Its text, its importance, and what a sentence says that satisfies it."""


def _criteria(scene: Scene) -> list[_Criterion]:
    """Every thing, where it is, how large it is, and the background."""
    found: list[_Criterion] = []
    for thing in scene.things:
        where, name = place_phrase(thing.place), thing.name
        found += [
            (f"Says that there is a {name}.", "critical", (name,)),
            (f"Says that the {name} is {where}.", "important", (name, where)),
            (f"Says that the {name} is {thing.size}.", "minor", (f"{thing.size} {name}",)),
        ]
    ground = f"{scene.background} background"
    found.append((f"Says that the background is {scene.background}.", "minor", (ground,)))
    return found


def _plain(criterion: _Criterion) -> dict[str, Any]:
    return {"criterion": criterion[0], "importance": criterion[1]}


def _agreed(
    scene: Scene, captions: Sequence[tuple[str, str]], student: re.Match[str] | None
) -> list[dict[str, Any]]:
    """What captions say of the scene, with those that say it, but for what the student says."""
    found = []
    for criterion in _criteria(scene):
        supporters = [int(number) for number, text in captions if _says(text, criterion)]
        if supporters and not (student and _says(student[1], criterion)):
            found.append(_plain(criterion) | {"supported_by": supporters})
    return found


def _says(text: str, criterion: _Criterion) -> bool:
    return any(all(words in said for words in criterion[2]) for said in text.lower().split("."))


def _chance(seed: str) -> float:
    """A number in [0, 1) that hangs on the text alone."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) / 2**64
