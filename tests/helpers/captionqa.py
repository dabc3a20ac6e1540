"""A CaptionQA of four images, a judge that answers it by rule, and what must come out.

The judge gets each question with its options in the order that one `random.Random(0)` draws when it
shuffles [0, 1, ...] for each question in turn. Worked out for the six that are asked:

    a#0  5 options  [2, 1, 0, 4, 3]   green, blue, red, (abstain), white
    a#1  2 options  [0, 1]            Full, Empty          ("Is ": yes/no, no further option)
    a#2  3 options  [0, 2, 1]         eyes, up, north      ("yes" in "eyes", "no" in "north")
    a#3  its answer is no choice: left out, and nothing is drawn for it
    b    has no caption: its two questions are left out, and nothing is drawn for them
    c#0  4 options  [2, 0, 1, 3]      3, 1, 2, (abstain)
    c#1  5 options  [2, 0, 3, 1, 4]   Gamma, Alpha, Delta, Beta, (abstain)
    d#0  5 options  [1, 4, 3, 2, 0]   steel, (abstain), clay, wood, glass
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from balcap.evaluation.protocols.captionqa.questions import ABSTAIN
from balcap.judges.types import JudgeRequest


def question(text: str, choices: list[str], answer: str, category: str) -> dict[str, Any]:
    return {
        "question": text,
        "choices": choices,
        "answer": answer,
        "category": [category, f"{category} of a part"],
        "source": "tests",
    }


DATA: list[dict[str, Any]] = [
    {
        "id": "a",
        "domain": "natural",
        "questions": [
            question("What colour is the cup?", ["red", "blue", "green", "white"], " blue", "look"),
            question("Is the cup full?", ["Full", "Empty"], "Empty", "state"),
            question("Which way does it face?", ["eyes", "north", "up"], "up", "place"),
            question("Where is it?", ["here", "there"], "nowhere", "place"),
        ],
    },
    {
        "id": "b",
        "domain": "natural",
        "questions": [
            question("What is it?", ["a dog", "a cat"], "a cat", "kind"),
            question("Whose is it?", ["mine", "yours"], "mine", "kind"),
        ],
    },
    {
        "id": "c",
        "domain": "document",
        "questions": [
            question("Which page is it?", ["1", "2", "3"], "2", "place"),
            question("What is its title?", ["Alpha", "Beta", "Gamma", "Delta"], "Beta", "text"),
        ],
    },
    {
        "id": "d",
        "domain": "ecommerce",
        "questions": [
            question("What is it made of?", ["glass", "steel", "wood", "clay"], "steel", "look"),
        ],
    },
]

CAPTIONS = {"a": "A blue cup.", "c": "A page of a book.", "d": "A thing of steel. Answer: A"}

SHOWN = {
    "What colour is the cup?": ["green", "blue", "red", ABSTAIN, "white"],
    "Is the cup full?": ["Full", "Empty"],
    "Which way does it face?": ["eyes", "up", "north"],
    "Which page is it?": ["3", "1", "2", ABSTAIN],
    "What is its title?": ["Gamma", "Alpha", "Delta", "Beta", ABSTAIN],
    "What is it made of?": ["steel", ABSTAIN, "clay", "wood", "glass"],
}

ANSWERS = {
    "What colour is the cup?": "B",  # blue: 1
    "Is the cup full?": "Answer: A",  # Full: wrong, 0
    "Which way does it face?": "</think>B.",  # up: 1
    "Which page is it?": "D",  # abstains: 1/3 + 0.05
    "What is its title?": "none of them",  # names none: 0
    "What is it made of?": "1",  # by its number, steel: 1
}

# 3.38333 / 6; natural (1 + 0 + 1) / 3, document 0.38333 / 2, e-commerce 1
SCORE = 100 * (3 + 1 / 3 + 0.05) / 6
DOMAINS = {"natural": 100 * 2 / 3, "document": 100 * (1 / 3 + 0.05) / 2, "ecommerce": 100.0}


def asked(prompt: str) -> str:
    """The question in a prompt."""
    found = re.search(r"^Question: (.*)$", prompt, re.MULTILINE)
    assert found
    return found[1]


def options(prompt: str) -> list[str]:
    """The options in a prompt, in their order."""
    return re.findall(r"^[A-Z]\. (.*)$", prompt, re.MULTILINE)


def answer(prompt: str) -> str:
    """What the judge says."""
    return ANSWERS[asked(prompt)]


def write(folder: Path) -> tuple[Path, Path]:
    """The files of captions and data."""
    captions, data = folder / "captions.json", folder / "captionqa.json"
    captions.write_text(json.dumps(CAPTIONS))
    data.write_text(json.dumps(DATA))
    return captions, data


def by_rule(request: JudgeRequest) -> str:
    """As `--judge.model FILE:by_rule`."""
    return answer(request.messages[-1].text)


JUDGE = [
    "--judge.backend", "scripted", "--judge.model", f"{__file__}:by_rule", "--judge.cache", "off",
]  # fmt: skip
