"""How much of an image's own list of criteria does a caption satisfy?

RubiCap's reward (arXiv 2603.09160): G = sum_m w_m y_m / sum_m w_m, with y_m in {0, 1} from a judge
that reads the caption only (there Qwen2.5-7B-Instruct), and weights of 3 for critical, 2 for
important, 1 for minor criteria. The criteria were written beforehand and come with the data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from balcap.config import JudgeSettings, within
from balcap.errors import JudgeError, UnusableAnswerError
from balcap.heads import Head
from balcap.heads.answers import completed, listed, usable_verdicts
from balcap.heads.pictures import pictures_of
from balcap.judges.images import Picture
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest
from balcap.judges.verdicts import VerdictForm, numbered_list, verdict_form
from balcap.types import Caption, HeadScore, Sample, Score, Unscored

PROMPT = Prompt.read(Path(__file__).parent / "prompts" / "rubric_satisfied.txt")
TOKENS_A_VERDICT = 12


@dataclass(frozen=True, kw_only=True)
class RubricConfig:
    """Who judges, and by what.

    Attributes:
        image: whether the judge sees the image beside the caption; RubiCap's does not.
        min_answered: share of the weights whose criteria must have a usable verdict for a caption
            to be scored, in [0, 1]. Ours.
        judge: the judge of this head alone; default: `--judge.*`.
    """

    image: bool = False
    min_answered: float = 0.5
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def __post_init__(self) -> None:
        within("rubric.min_answered", self.min_answered, 0.0, 1.0)


class Criterion(BaseModel):
    """One entry of a sample's rubric; other keys of it are not looked at."""

    criterion: str = Field(min_length=1)
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)]


RUBRIC = TypeAdapter(Annotated[list[Criterion], Field(min_length=1)])


class Rubric(Head[RubricConfig]):
    """Weighted share of the sample's criteria that the caption satisfies, in [0, 1].

    sum of the weights of the satisfied criteria / sum of all weights. The criteria stand in the
    data's column `rubric`: a list of {"criterion": TEXT, "weight": NUMBER}, or the JSON text of
    one. One question a caption, greedy. An empty caption scores 0 unasked.
    """

    name = "rubric"
    Config = RubricConfig

    @property
    def uses_judge(self) -> bool:
        """Always."""
        return True

    @property
    def requires(self) -> frozenset[str]:
        """The column `rubric`; the image too where the judge is to see it."""
        return frozenset({"rubric", "image"} if self.config.image else {"rubric"})

    async def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        """Weighted share satisfied; `Unscored` for a sample without a rubric, or with a bad one."""
        pictures = pictures_of(captions) if self.config.image else {}
        checks = [self._check(caption, pictures.get(caption.sample.id)) for caption in captions]
        asked = [check for check in checks if isinstance(check, _Check)]
        known = [None if isinstance(check, _Check) else check for check in checks]
        verdicts = await self.judge.read(
            [check.request for check in asked], [check.form.read for check in asked]
        )
        return completed(
            known,
            [c.weighed(v, self.config.min_answered) for c, v in zip(asked, verdicts, strict=True)],
        )

    def _check(self, caption: Caption, picture: Picture | Unscored | None) -> _Check | HeadScore:
        """What to ask, or what can be said without asking."""
        rubric = read_rubric(caption.sample)
        if isinstance(rubric, Unscored):
            return rubric
        if isinstance(picture, Unscored):
            return picture
        if not caption.text.strip():
            return 0.0
        return _Check(caption.text, rubric, picture)


@dataclass(frozen=True)
class _Check:
    """The question which of the criteria one caption satisfies."""

    text: str
    rubric: tuple[Criterion, ...]
    picture: Picture | None

    @property
    def form(self) -> VerdictForm[bool]:
        return verdict_form(bool, len(self.rubric))

    @property
    def request(self) -> JudgeRequest:
        count = len(self.rubric)
        criteria = numbered_list([each.criterion for each in self.rubric])
        text = PROMPT.fill(caption=quoted(self.text), criteria=criteria, count=str(count))
        shown = () if self.picture is None else (self.picture,)
        most = 512 + TOKENS_A_VERDICT * count
        return JudgeRequest.of(text, *shown, max_tokens=most, schema=self.form.schema)

    def weighed(self, satisfied: Sequence[bool] | JudgeError, least: float) -> Score | JudgeError:
        found = usable_verdicts(satisfied, 0.0)
        if isinstance(found, JudgeError):
            return found
        judged = [
            (each, y) for each, y in zip(self.rubric, found.answers, strict=True) if y is not None
        ]
        weight = sum(each.weight for each, _ in judged)
        if weight < least * sum(each.weight for each in self.rubric):
            return UnusableAnswerError(
                f"{len(self.rubric) - len(judged)} of {len(self.rubric)} criteria have no usable "
                "verdict"
            )
        met = [each.criterion for each, y in judged if y]
        missed = [each.criterion for each, y in judged if not y]
        said = f"{len(met)} of {len(judged)} criteria met{found.note()}{listed('missed', missed)}"
        value = sum(each.weight for each, y in judged if y) / weight
        return Score(value, said, {"met": met, "missed": missed})


def read_rubric(sample: Sample) -> tuple[Criterion, ...] | Unscored:
    """The criteria of a sample, at least one; or why there are none, with the sample's name."""
    cell: Any = sample.metadata.get("rubric")
    if cell is None:
        return Unscored("no rubric")
    try:
        return tuple(RUBRIC.validate_python(json.loads(cell) if isinstance(cell, str) else cell))
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{part!r}]" for part in first["loc"])
        problem = f"rubric{place}: {first['msg']}"
    except ValueError:
        problem = "rubric is a text, and not the JSON of a list"
    return Unscored(f"sample {sample.id!r}: {problem}; expected a list of criterion and weight")
