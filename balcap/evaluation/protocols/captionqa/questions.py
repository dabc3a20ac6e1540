"""How does CaptionQA ask a question, and which option does an answer name? The protocol's rules."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from string import ascii_uppercase
from typing import Any

ABSTAIN = "The caption does not tell"
"""The further option, in our words."""

# A question that begins with one of these counts as yes/no, whatever its options are.
AUXILIARIES = (
    "is", "are", "was", "were", "do", "does", "did", "have", "has", "had", "can", "could", "will",
    "would", "should", "shall", "may", "might", "must",
)  # fmt: skip


def questions_of(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The questions of a row: a list of objects, or an object of lists as some tables store it."""
    cell = row["questions"]
    if isinstance(cell, Mapping):
        return [dict(zip(cell, values, strict=True)) for values in zip(*cell.values(), strict=True)]
    return list(cell)


def is_yes_no(question: str, choices: Iterable[str]) -> bool:
    """CaptionQA's test: one choice contains "yes" and one "no", or an auxiliary verb comes first.

    Loose on purpose: "no" is inside "north" too, and such questions get no further option.
    """
    lower = [choice.strip().lower() for choice in choices]
    if any("yes" in choice for choice in lower) and any("no" in choice for choice in lower):
        return True
    return question.strip().lower().startswith(tuple(f"{word} " for word in AUXILIARIES))


def read_answer(text: str, count: int) -> int | None:
    """The option that an answer names, as an index below `count`; None if it names none.

    As the protocol reads: what stands after `</think>`, then after "Answer: ", then after the first
    line break; there the first lone letter in upper case (so that the article "a" is an A), or else
    the first number, counted from 1. White space around the whole is no line break.
    """
    text = text.strip()
    for mark in ("</think>", "Answer: ", "\n"):
        _, found, after = text.partition(mark)
        text = after if found else text
    letter = re.search(r"\b([A-Z])\b", text.upper())
    if letter and (index := ascii_uppercase.index(letter[1])) < count:
        return index
    number = re.search(r"\b([1-9][0-9]?)\b", text)
    return int(number[1]) - 1 if number and int(number[1]) <= count else None


def unanswerable(question: Mapping[str, Any]) -> str:
    """Why a question cannot be asked; empty if it can."""
    choices = question.get("choices")
    if not choices or len(choices) < 2:
        return "fewer than two choices"
    answer = question.get("answer")
    if not isinstance(answer, str) or answer.strip() not in [str(c).strip() for c in choices]:
        return "the answer is none of the choices"
    return ""


def prepared(question: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    """A question as it is asked: its options in the next order that the generator draws."""
    choices = [str(choice) for choice in question["choices"]]
    text = str(question.get("question", ""))
    options = choices if is_yes_no(text, choices) else [*choices, ABSTAIN]
    order = list(range(len(options)))
    rng.shuffle(order)
    right = [choice.strip() for choice in choices].index(question["answer"].strip())
    category = question.get("category") or ""
    return {
        "question": text,
        "options": tuple(options[index] for index in order),
        "right": order.index(right),
        "choices": len(choices),
        "category": str(category[0] if isinstance(category, list) else category),
    }
