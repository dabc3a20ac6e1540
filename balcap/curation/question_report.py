"""What do the verdicts on questions say together?

rules      rule -> questions that it dropped; share: of those written, left after it
categories category -> written, kept; mean share of right answers with the image and without it
right      at which letter the right option stood as written, of all and of kept questions
longest    share of questions whose right option is the longest (of k longest ones 1/k), of
           all and of kept; `chance`: what it were if length told nothing
reader     share of answers at each letter as shown, with the image and without; unusable ones
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from balcap.console import number, table
from balcap.curation.rules import RULES, Chosen, Verdict
from balcap.curation.target import Tally
from balcap.types import Question


@dataclass
class _Sums:
    """Of a category."""

    written: int = 0
    kept: int = 0
    answered: int = 0
    right_with_image: float = 0.0
    right_without_image: float = 0.0

    def plain(self) -> dict[str, Any]:
        names = ("right_with_image", "right_without_image")
        means = {n: _share(getattr(self, n), self.answered) for n in names}
        return {"written": self.written, "kept": self.kept, **means}


@dataclass
class _Form:
    """Of all questions that can be read, or of the kept ones."""

    count: int = 0
    letters: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    chance: float = 0.0

    def add(self, question: Question) -> None:
        self.count += 1
        self.letters[_letter(question.answer)] += 1
        lengths = [len(choice) for choice in question.choices]
        if lengths[question.answer] == max(lengths):
            self.longest += 1 / lengths.count(max(lengths))
        self.chance += 1 / len(lengths)


@dataclass
class QuestionReport(Tally[Verdict]):
    """Counts, verdict by verdict."""

    written: int = 0
    kept: int = 0
    _rules: Counter[str] = field(default_factory=Counter)
    _categories: dict[str, _Sums] = field(default_factory=lambda: defaultdict(_Sums))
    _all: _Form = field(default_factory=_Form)
    _kept: _Form = field(default_factory=_Form)
    _shown: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, verdicts: Sequence[Verdict]) -> None:
        """Count the questions of an image."""
        for verdict in verdicts:
            self.written += 1
            self.kept += not verdict.rule
            self._rules[verdict.rule] += 1
            if question := verdict.written.question:
                self._add(verdict, question)

    def _add(self, verdict: Verdict, question: Question) -> None:
        sums = self._categories[question.kind.casefold() or "none"]
        sums.written += 1
        self._all.add(question)
        if not verdict.rule:
            sums.kept += 1
            self._kept.add(question)
        seen, blind = verdict.right(verdict.with_image), verdict.right(verdict.without_image)
        if seen is None or blind is None:
            return
        sums.answered += 1
        sums.right_with_image += seen
        sums.right_without_image += blind
        for name, chosen in (
            ("with_image", verdict.with_image),
            ("without_image", verdict.without_image),
        ):
            self._shown[name].update(_letters(chosen, len(question.choices)))

    def plain(self) -> dict[str, Any]:
        """For `report.json`: counts, and shares in [0, 1] or null where there is nothing."""
        left, rules = self.written, {}
        for rule in RULES:
            left -= self._rules[rule]
            share = _share(left, self.written)
            rules[rule] = {"dropped": self._rules[rule], "share": share}
        forms = {"written": self._all, "kept": self._kept}
        by_size = sorted(self._categories.items(), key=lambda item: (-item[1].written, item[0]))
        return {
            "written": self.written,
            "kept": self.kept,
            "rules": rules,
            "categories": {name: sums.plain() for name, sums in by_size},
            "right": {name: dict(sorted(one.letters.items())) for name, one in forms.items()},
            "longest": {
                name: {
                    "share": _share(one.longest, one.count),
                    "chance": _share(one.chance, one.count),
                }
                for name, one in forms.items()
            },
            "reader": {
                name: {key: _share(count, shown.total()) for key, count in sorted(shown.items())}
                for name, shown in sorted(self._shown.items())
            },
        }


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """The report as tables."""
    rules = [
        {"rule": rule, "dropped": f"{one['dropped']:,}", "left": number(one["share"])}
        for rule, one in report["rules"].items()
    ]
    lines = [table(rules)]
    if report["categories"]:
        lines += ["", table([_category(*item) for item in report["categories"].items()])]
    letters = sorted({letter for each in report["right"].values() for letter in each})
    places = [
        {
            "": f"right option, {name}",
            **{letter: str(report["right"][name].get(letter, 0)) for letter in letters},
            "longest": number(report["longest"][name]["share"]),
            "by chance": number(report["longest"][name]["chance"]),
        }
        for name in report["right"]
    ]
    return [*lines, "", table(places)] if letters else lines


def _category(name: str, one: Mapping[str, Any]) -> dict[str, str]:
    return {
        "category": name,
        "written": f"{one['written']:,}",
        "kept": f"{one['kept']:,}",
        "right with image": number(one["right_with_image"]),
        "without": number(one["right_without_image"]),
    }


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _letter(place: int) -> str:
    return chr(ord("A") + place)


def _letters(chosen: Chosen, count: int) -> list[str]:
    """The letters at which the chosen options were shown (`RotatedMenu.menu`)."""
    return [
        "unusable" if option is None else _letter((option - rotation) % count)
        for rotation, option in enumerate(chosen)
    ]
