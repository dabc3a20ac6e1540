"""What is a judge asked whose fitness is in question, and what did it answer?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from balcap.config.data import DataSettings, ShapesSettings
from balcap.config.judge_check import JudgeCheckSettings
from balcap.data import load
from balcap.data.caption_file import from_file
from balcap.errors import UserError
from balcap.heads.reading import AnyOutcome, Menu, most_choices, read_menus, seeded
from balcap.judges.event_loop import run as run_async
from balcap.judges.judge import Judge
from balcap.progress import Progress
from balcap.types import Caption, Question

WAVE = 8  # samples asked about at once: enough to keep a server busy, few enough to see it go on


@dataclass(frozen=True)
class Asked:
    """One question, draw by draw.

    Attributes:
        sample: id of its sample.
        question: with the right option.
        seen: what was answered with the caption, or why nothing usable was.
        blind: the same of an empty description.
    """

    sample: str
    question: Question
    seen: tuple[AnyOutcome, ...]
    blind: tuple[AnyOutcome, ...]


@dataclass(frozen=True)
class Answers:
    """All that was asked.

    Attributes:
        asked: question by question.
        per_second: questions that were answered in a second, draws counted; None if the first one
            was known: a local model may then have been loaded on the way.
    """

    asked: tuple[Asked, ...]
    per_second: float | None


def captions_of(settings: JudgeCheckSettings) -> list[Caption]:
    """The first samples that have a caption and a question, each with its caption.

    Raises:
        UserError: if there is none, or a file is not what it should be.
    """
    data = DataSettings(
        data=settings.data, columns=settings.columns, max_bad=settings.max_bad, eval_samples=0,
        shapes=ShapesSettings(train=settings.samples),
    )  # fmt: skip
    samples = load(data, need_images=False).train
    if settings.captions is None:
        texts = {sample.id: sample.reference or "" for sample in samples}
    else:
        texts = {name: several[0] for name, several in from_file(settings.captions).items()}
    found = [
        Caption(sample, texts[sample.id])
        for sample in samples
        if texts.get(sample.id, "").strip() and _askable(sample.questions, settings.abstain)
    ]
    if not found:
        asked = sum(bool(sample.questions) for sample in samples)
        raise UserError(
            f"nothing to ask: of the {len(samples):,} samples of {settings.data}, {asked:,} have "
            f"questions, and none of these a caption that could answer them; give questions "
            "(--data caption-qa:FILE) and captions (--captions FILE)"
        )
    return found[: settings.samples]


def ask(judge: Judge, captions: Sequence[Caption], settings: JudgeCheckSettings) -> Answers:
    """Ask everything, some captions at a time; answers are kept as they come."""
    first = captions[0]
    question = _askable(first.sample.questions, settings.abstain)[0]
    run_async(
        read_menus(judge, [(first.text, [next(_rotated(first, question, settings))])], settings)
    )
    before, began = judge.usage, time.perf_counter()
    asked: list[Asked] = []
    progress = Progress("samples", len(captions))
    for start in range(0, len(captions), WAVE):
        asked += _wave(judge, captions[start : start + WAVE], settings)
        progress.show(min(start + WAVE, len(captions)))
    progress.close()
    used = judge.usage
    fresh = (used.questions - used.cached) - (before.questions - before.cached)
    rate = fresh / (time.perf_counter() - began) if fresh and not before.cached else None
    return Answers(tuple(asked), rate)


def _wave(
    judge: Judge, captions: Sequence[Caption], settings: JudgeCheckSettings
) -> Iterator[Asked]:
    each = [
        (caption, question, list(_rotated(caption, question, settings)))
        for caption in captions
        for question in _askable(caption.sample.questions, settings.abstain)
    ]
    seen = [(caption.text, menus) for caption, _, menus in each]
    blind = [("", menus) for _, _, menus in each]
    found = run_async(read_menus(judge, [*seen, *blind], settings))
    rows = zip(each, found[: len(each)], found[len(each) :], strict=True)
    for (caption, question, _), with_caption, without in rows:
        yield Asked(caption.sample.id, question, tuple(with_caption), tuple(without))


def _askable(questions: Sequence[Question], abstain: bool) -> list[Question]:
    """Those for whose options there are letters."""
    return [each for each in questions if len(each.choices) <= most_choices(abstain)]


def _rotated(caption: Caption, question: Question, settings: JudgeCheckSettings) -> Iterator[Menu]:
    """A question's menus: a drawn order of its options, moved on by one place a draw."""
    count = len(question.choices)
    rng = seeded(f"{settings.seed}\0{caption.sample.id}\0{question.text}")
    order = rng.sample(range(count), count)
    for draw in range(settings.draws):
        turn = draw % count
        yield Menu(question, tuple(order[turn:] + order[:turn]), settings.abstain)
