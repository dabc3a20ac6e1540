"""Judges whose fitness is known: a perfect reader, one that likes a letter, one that babbles.

For `--judge.backend scripted --judge.model tests/helpers/known_judges.py:perfect`, on `shapes`.
"""

import re
from functools import cache

from balcap.config import DataSettings, ShapesSettings
from balcap.data import load
from balcap.heads.reading import ABSTAIN
from balcap.judges.types import JudgeRequest

QUOTED = re.compile(r"<<<(.*?)>>>(?!>)", re.DOTALL)


@cache
def known() -> dict[tuple[str, str], str]:
    """The right option, by the reference that says it and the question."""
    data = DataSettings(data="shapes", eval_samples=0, shapes=ShapesSettings(train=100))
    return {
        (sample.reference or "", question.text): question.choices[question.answer]
        for sample in load(data, need_images=False).train
        for question in sample.questions
    }


def perfect(request: JudgeRequest) -> str:
    """Right wherever the caption is a reference, and abstains without one."""
    _, caption, _, block = QUOTED.findall(request.messages[-1].text)
    question, *options = block.split("\n")
    right = known().get((caption, question), ABSTAIN)
    return next(line[0] for line in options if line[3:] == right)


def always_a(request: JudgeRequest) -> str:
    """Likes the first letter."""
    return "A"


def babbles(request: JudgeRequest) -> str:
    """Says nothing that could be used."""
    return "well, it is hard to say, is it not"
