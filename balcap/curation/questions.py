"""Questions that an image answers, and nothing but the image.

CapRL's engine (arXiv 2509.22647): a judge writes, a second one answers with the image and without
it, options in rotated orders; kept is what is answered with it and not without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from balcap.config import CurateSettings
from balcap.curation.menu import WITH_IMAGE, WITHOUT_IMAGE, RotatedMenu
from balcap.curation.near import nearness, without_near
from balcap.curation.question_report import QuestionReport, report_lines
from balcap.curation.rules import Chosen, Verdict, answered_fault, form_fault, readable
from balcap.curation.target import Target
from balcap.curation.written import SCHEMA, Written, read_written
from balcap.errors import JudgeError, UnusableAnswerError
from balcap.judges.images import Picture
from balcap.judges.judge import Judge
from balcap.judges.prompts import Prompt
from balcap.types import Question, Sample

PROMPT = Prompt.read(Path(__file__).parent / "prompts" / "questions.txt")


class Questions(Target[Verdict]):
    """Multiple-choice questions, written, answered, and kept by `rules`."""

    name = "questions"
    plural = "questions"
    kind = "caption-qa"
    prompts: ClassVar[Sequence[Prompt]] = (PROMPT, WITH_IMAGE, WITHOUT_IMAGE)

    def __init__(self, settings: CurateSettings, judges: Mapping[str, Judge]) -> None:
        super().__init__(settings, judges)
        self._how = nearness(settings.questions)

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """Number of questions and rotations, and how long answers may be."""
        of = self.settings.questions
        return {
            **super().depends_on,
            "number": of.number,
            "rotations": of.rotations,
            "answer_tokens": of.answer_tokens,
        }

    @property
    def rules(self) -> Mapping[str, Any]:
        """The bounds."""
        of = self.settings.questions
        return {
            "min_with_image": of.min_with_image,
            "max_without_image": of.max_without_image,
            "near": self._how.name,
            "near_similarity": of.near_similarity,
        }

    async def ask(self, sample: Sample, picture: Picture) -> dict[str, Any]:
        """Have questions written, and those that are well formed answered."""
        number = self.settings.questions.number
        request = self.request(PROMPT.fill(number=str(number)), picture, SCHEMA)
        (found,) = await self.judges["writer"].read(
            [request], lambda answer: read_written(answer, number)
        )
        if isinstance(found, UnusableAnswerError):
            return {"problem": str(found)}
        if isinstance(found, JudgeError):
            raise found
        answered = iter(await self._answered([w for w in found if not form_fault(w)], picture))
        lines = [
            _line(written, ((), ()) if form_fault(written) else next(answered)) for written in found
        ]
        return {"questions": lines}

    async def _answered(
        self, written: Sequence[Written], picture: Picture
    ) -> list[tuple[Chosen, Chosen]]:
        """What the reader chose with the image, and without, by rotation."""
        settings = self.settings.questions
        asked = [
            (RotatedMenu(each.question, rotation), shown)
            for each in written
            if each.question is not None
            for shown in (picture, None)
            for rotation in range(settings.rotations)
        ]
        outcomes = await self.judges["reader"].read(
            [menu.request(shown, settings.answer_tokens) for menu, shown in asked],
            [menu.read for menu, _ in asked],
        )
        chosen = iter([_chosen(outcome) for outcome in outcomes])

        def rotations() -> Chosen:
            return tuple(next(chosen) for _ in range(settings.rotations))

        return [(rotations(), rotations()) for _ in written]

    def verdicts(self, entry: Mapping[str, Any]) -> list[Verdict]:
        """Each question with the first rule that it breaks."""
        settings = self.settings.questions
        found = [_verdict(line) for line in entry.get("questions", ())]
        found = [
            one.dropped(form_fault(one.written) or answered_fault(one, settings)) for one in found
        ]
        return without_near(found, self._how, settings.near_similarity)

    def columns(self, verdicts: Sequence[Verdict]) -> dict[str, Any]:
        """The kept questions."""
        kept = [one.written.question for one in verdicts if not one.rule]
        return {"questions": [readable(question) for question in kept if question]} if kept else {}

    def tally(self) -> QuestionReport:
        """By rule, category, place and length of the right option."""
        return QuestionReport()

    def lines(self, report: Mapping[str, Any]) -> list[str]:
        """As tables."""
        return report_lines(report)


def _chosen(outcome: int | JudgeError) -> int | None:
    if isinstance(outcome, UnusableAnswerError):
        return None
    if isinstance(outcome, JudgeError):
        raise outcome
    return outcome


def _line(written: Written, chosen: tuple[Chosen, Chosen]) -> dict[str, Any]:
    """One question for the journal."""
    question = written.question
    if question is None:
        return {"problem": written.problem, "repeats": written.repeats, "written": written.raw}
    return {
        "question": question.text,
        "choices": list(question.choices),
        "answer": question.answer,
        "statements": list(question.statements),
        "kind": question.kind,
        "with_image": list(chosen[0]),
        "without_image": list(chosen[1]),
    }


def _verdict(line: Mapping[str, Any]) -> Verdict:
    """One question of the journal, not judged yet."""
    if "problem" in line:
        return Verdict(Written(None, line["problem"], line["repeats"], line["written"]))
    question = Question(
        line["question"],
        tuple(line["choices"]),
        line["answer"],
        tuple(line["statements"]),
        line["kind"],
    )
    seen, blind = tuple(line["with_image"]), tuple(line["without_image"])
    return Verdict(Written(question), with_image=seen, without_image=blind)
