"""Which questions are kept, and why is each of the others not? Ours but for the two of CapRL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from balcap.config.curate import QuestionSettings
from balcap.curation.menu import MOST_CHOICES
from balcap.curation.written import Written
from balcap.data.questions import question_row
from balcap.text import words
from balcap.types import Question

RULES = {
    "malformed": "no question, or no answer among its options",
    "repeated option": "two options say the same",
    "given away": "the right option, and not every other, stands in the question",
    "wrong with the image": "the reader is right too rarely with the image",
    "right without the image": "the reader is right too often without the image",
    "near duplicate": "an earlier question of the image asks nearly the same",
}
"""In this order: the first rule that a question breaks is its verdict."""

Chosen = tuple[int | None, ...]
"""Option that the reader chose, as written, for each rotation; None for an unusable answer."""


@dataclass(frozen=True)
class Verdict:
    """What became of one question.

    Attributes:
        written: the question.
        rule: which it breaks; empty for one that is kept.
        with_image: what the reader chose; empty where it was not asked.
        without_image: likewise.
        near: of a near duplicate, the number of the earlier question.
    """

    written: Written
    rule: str = ""
    with_image: Chosen = ()
    without_image: Chosen = ()
    near: int | None = None

    def dropped(self, rule: str, near: int | None = None) -> Verdict:
        """The same question, with the rule that it breaks."""
        return replace(self, rule=rule, near=near)

    def right(self, chosen: Chosen) -> float | None:
        """Share of right answers: an unusable one is not right. None where nobody was asked."""
        if not chosen or self.written.question is None:
            return None
        return sum(one == self.written.question.answer for one in chosen) / len(chosen)

    def line(self) -> dict[str, Any]:
        """For audits, as plain values."""
        found: dict[str, Any] = {"kept": not self.rule, "rule": self.rule}
        if self.written.question is None:
            return found | {"problem": self.written.problem, "written": self.written.raw}
        return found | {
            **readable(self.written.question),
            "right_with_image": self.right(self.with_image),
            "right_without_image": self.right(self.without_image),
            "with_image": list(self.with_image),
            "without_image": list(self.without_image),
            "near": self.near,
        }


def readable(question: Question) -> dict[str, Any]:
    """A question as `--data caption-qa` reads it; the answer by its text, for people."""
    return question_row(question) | {"answer": question.choices[question.answer]}


def form_fault(written: Written) -> str:
    """The rule that a question breaks by its words alone; empty for none."""
    question = written.question
    if question is None or len(question.choices) > MOST_CHOICES:
        return "repeated option" if written.repeats else "malformed"
    said = [_said(choice) for choice in question.choices]
    if len(set(said)) < len(said):
        return "repeated option"
    named = [_stands_in(choice, _said(question.text)) for choice in said]
    return "given away" if named[question.answer] and not all(named) else ""


def answered_fault(verdict: Verdict, settings: QuestionSettings) -> str:
    """The rule that a question breaks by what the reader answered; empty for none."""
    seen, blind = verdict.right(verdict.with_image), verdict.right(verdict.without_image)
    if seen is None or seen < settings.min_with_image:
        return "wrong with the image"
    if blind is None or blind > settings.max_without_image:
        return "right without the image"
    return ""


def _said(text: str) -> tuple[str, ...]:
    """Words without case and punctuation; of a text that has none, the text itself."""
    return words(text) or (text.strip().casefold(),)


def _stands_in(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether words stand in others, one after the other."""
    size = len(part)
    return any(tuple(whole[i : i + size]) == tuple(part) for i in range(len(whole) - size + 1))
