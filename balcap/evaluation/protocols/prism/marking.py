"""From what a judge said of a question to its record: answers read, and marked one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from balcap.evaluation.protocol import Item, Record
from balcap.evaluation.protocols.prism import math_answers
from balcap.evaluation.protocols.prism.as_published import Rule, published_mark, read_tagged
from balcap.evaluation.protocols.prism.scoring import Scorer, mark, read_answer


@dataclass(frozen=True, kw_only=True)
class PrismQuestion(Item):
    """One question, with every caption that is to answer it.

    Attributes:
        captions: of its image.
        question: the text, with options where it has any.
        answers: those that are right.
        truth: the data's answer as one text, for the published rule.
        scorer: how an answer is marked.
    """

    captions: tuple[str, ...]
    question: str
    answers: tuple[str, ...]
    truth: str
    scorer: Scorer


Heard = tuple[PrismQuestion, Sequence[str]]
"""A question, and what the judge said of it: one text a caption."""


async def records_of(heard: Sequence[Heard], rule: Rule | None) -> list[Record]:
    """Read and mark what was said of each question; those of mathematics together.

    Args:
        heard: questions that were answered for each of their captions.
        rule: of the published program, whose marks are to stand beside ours; None without them.

    Returns:
        A record each: `scores` are our marks, one a caption, the record's own score their mean.
        With a rule, `published` are the program's, and `tagged` what it reads in each answer.

    Raises:
        RunError: if math-verify cannot be started.
    """
    read = [[read_answer(text) for text in texts] for _, texts in heard]
    pairs = [
        (truth, said)
        for (item, _), answers in zip(heard, read, strict=True)
        if item.scorer == "math"
        for said in answers
        if said is not None
        for truth in item.answers
    ]
    equal = dict(zip(pairs, await math_answers.same(pairs), strict=True))
    extra = await _published(heard, rule) if rule else [{} for _ in heard]
    return [
        _record(item, texts, answers, equal, more)
        for (item, texts), answers, more in zip(heard, read, extra, strict=True)
    ]


def _record(
    item: PrismQuestion,
    heard: Sequence[str],
    read: Sequence[str | None],
    equal: Mapping[math_answers.Pair, bool],
    extra: Mapping[str, object],
) -> Record:
    def marked(said: str | None) -> float | None:
        if said is None:
            return None
        if item.scorer == "math":
            return float(any(equal[truth, said] for truth in item.answers))
        return mark(item.scorer, said, item.answers)

    marks = [marked(said) for said in read]
    scores = [one or 0.0 for one in marks]
    return Record.of(
        item,
        sum(scores) / len(scores),
        scores=scores,
        question=item.question,
        right=list(item.answers),
        scorer=item.scorer,
        read=[None if one is None else said for one, said in zip(marks, read, strict=True)],
        answers=list(heard),
        captions=list(item.captions),
        **extra,
    )


async def _published(heard: Sequence[Heard], rule: Rule) -> list[dict[str, object]]:
    """The marks of the published program, and what it reads, by question."""
    tagged = [[read_tagged(text) for text in texts] for _, texts in heard]
    pairs = [
        (item.truth, said or "")
        for (item, _), answers in zip(heard, tagged, strict=True)
        for said in answers
    ]
    marks = iter(
        published_mark(rule, truth, said=said, equal=equal)
        for (truth, _), (equal, said) in zip(
            pairs, await math_answers.published(pairs), strict=True
        )
    )
    return [{"published": [next(marks) for _ in answers], "tagged": answers} for answers in tagged]
