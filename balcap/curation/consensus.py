"""Criteria from what several captioners agree on, and a student misses (RubiCap, arXiv 2603.09160).

Of K captions of an image at least half must say a thing, and two of them: RubiCap's ceil(K / 2) of
five. The writer names for each criterion the captions that say it, and the rule is counted here.
The captions stand in an order that is drawn from the image's id, so that no captioner is always
first.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, Field

from balcap.config import CurateSettings
from balcap.curation.texts import RULES, Criterion, Rubrics, TextVerdict, weighed
from balcap.data.caption_file import digest_of, from_file
from balcap.errors import UserError
from balcap.judges.images import Picture
from balcap.judges.judge import Judge
from balcap.judges.parsing import parse_json
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeResponse
from balcap.types import Sample

_PROMPTS = Path(__file__).parent / "prompts"
ALONE = "no consensus"
"""The rule of a criterion that too few captions support."""


class _Supported(Criterion):
    supported_by: list[int]


class Missed(BaseModel):
    """The form of the answer where a student may miss nothing."""

    criteria: list[_Supported]


class Agreed(Missed):
    """The form of the answer about what captioners agree on."""

    criteria: Annotated[list[_Supported], Field(min_length=1)]


class ConsensusRubrics(Rubrics):
    """Weighted criteria of what captioners agree on; where there is a student, of what it misses.

    Raises:
        UserError: if a file of captions is not of the form, or has none of several images.
    """

    prompts: ClassVar[Sequence[Prompt]] = (
        Prompt.read(_PROMPTS / "rubric_consensus.txt"),
        Prompt.read(_PROMPTS / "rubric_missed.txt"),
    )
    drops: ClassVar[Mapping[str, str]] = {**RULES, ALONE: "said by too few captions"}

    def __init__(self, settings: CurateSettings, judges: Mapping[str, Judge]) -> None:
        super().__init__(settings, judges)
        self._teachers = [_captions(file) for file in settings.teachers]
        self._student = _captions(settings.student) if settings.student else None
        self._form: type[Missed] = Agreed if self._student is None else Missed
        self.form = self._form

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """Whose captions, by the digests of their files."""
        return {**super().depends_on, **self._digests}

    @cached_property
    def _digests(self) -> Mapping[str, Any]:
        student = self.settings.student
        return {
            "teachers": [digest_of(file) for file in self.settings.teachers],
            "student": digest_of(student) if student else None,
        }

    def check(self, samples: Sequence[Sample]) -> str:
        """How many of the images cannot be asked about, in words; empty for none.

        Raises:
            UserError: if that is every one.
        """
        missing = Counter(why for sample in samples if (why := self._lacking(sample)))
        if missing and missing.total() == len(samples):
            ids = [next(iter(captions), None) for captions in self._teachers]
            raise UserError(
                f"no image has captions of two teachers{self._and_the_student}: the data have ids "
                f"such as {samples[0].id!r}, the files of captions such as {ids}"
            )
        return "; ".join(f"{count:,} images have {why}" for why, count in missing.items())

    async def ask(self, sample: Sample, picture: Picture) -> dict[str, Any]:
        """One question; none about an image with captions of fewer than two."""
        if lacking := self._lacking(sample):
            return {"problem": lacking}
        captions = self._said_of(sample)
        shown = "\n\n".join(f"{n}. {quoted(text)}" for n, text in enumerate(captions, 1))
        values = {"count": str(len(captions)), "least": str(least(len(captions)))}
        prompt = self.prompts[self._student is not None]
        if self._student is not None:
            values["student"] = quoted(self._student[sample.id])
        found = await self.written(prompt.fill(captions=shown, **values), picture)
        return {"captions": len(captions), **found}

    def read(self, answer: JudgeResponse) -> list[dict[str, Any]]:
        """The criteria, each with the captions that support it."""
        found = parse_json(answer.text, self._form).criteria
        return [weighed(one) | {"supported_by": one.supported_by} for one in found]

    def verdicts(self, entry: Mapping[str, Any]) -> list[TextVerdict]:
        """Each once, and only what enough captions say."""
        count = entry.get("captions", 0)
        return [
            TextVerdict(one.written, one.rule or _rule(one.written["supported_by"], count))
            for one in super().verdicts(entry)
        ]

    def columns(self, verdicts: Sequence[TextVerdict]) -> dict[str, Any]:
        """The criteria, without those who support them."""
        kept = super().columns(verdicts)
        names = ("criterion", "weight")
        return {
            column: [{name: one[name] for name in names} for one in rows]
            for column, rows in kept.items()
        }

    def _said_of(self, sample: Sample) -> list[str]:
        said = [captions[sample.id] for captions in self._teachers if sample.id in captions]
        random.Random(sample.id).shuffle(said)
        return said

    def _lacking(self, sample: Sample) -> str:
        count = sum(sample.id in captions for captions in self._teachers)
        if count < 2:
            return f"captions of {count} of {len(self._teachers)} teachers"
        if self._student is not None and sample.id not in self._student:
            return "no caption of the student"
        return ""

    @property
    def _and_the_student(self) -> str:
        return "" if self._student is None else " and of the student"


def least(captions: int) -> int:
    """How many of so many captions must say a thing: half of them, and two (RubiCap's ceil(K / 2);
    that one is too few is ours)."""
    return max(2, ceil(captions / 2))


def _rule(supporters: Sequence[int], captions: int) -> str:
    known = {number for number in supporters if 1 <= number <= captions}
    return "" if len(known) >= least(captions) else ALONE


def _captions(file: Path) -> dict[str, str]:
    return {name: texts[0] for name, texts in from_file(file).items()}
