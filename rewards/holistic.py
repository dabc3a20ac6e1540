"""How good is a caption, all in all? One score from a judge that sees the image.

The plain baseline. CapRL (arXiv 2509.22647) shows it to be hackable: trained on one such judge,
captions collapsed to almost nothing; on another, they praised themselves at length. It is not
called `judge`, because `--judge.*` says who answers the questions of all heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from balcap.config import JudgeSettings
from balcap.heads import Head
from balcap.heads.answers import completed
from balcap.heads.pictures import pictures_of
from balcap.judges.images import Picture
from balcap.judges.parsing import parse_json
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest, JudgeResponse
from balcap.types import Caption, HeadScore, Score, Unscored

PROMPT = Prompt.read(Path(__file__).parent / "prompts" / "holistic_score.txt")
BEST = 10


@dataclass(frozen=True, kw_only=True)
class HolisticConfig:
    """Who judges.

    Attributes:
        judge: the judge of this head alone; default: `--judge.*`. A model that sees images.
    """

    judge: JudgeSettings = field(default_factory=JudgeSettings)


class Rating(BaseModel):
    """What a judge says of a caption."""

    model_config = ConfigDict(extra="forbid", strict=True)

    score: int = Field(ge=0, le=BEST)


SCHEMA = Rating.model_json_schema()


class Holistic(Head[HolisticConfig]):
    """One judge's opinion of the caption, given the image, in [0, 1]; hackable, a baseline.

    score / 10, a whole number from 0 to 10; greedy, one question a caption. The scale is ours. An
    empty caption scores 0 unasked.
    """

    name = "holistic"
    Config = HolisticConfig

    @property
    def uses_judge(self) -> bool:
        """Always."""
        return True

    @property
    def requires(self) -> frozenset[str]:
        """The image."""
        return frozenset({"image"})

    async def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        """The judge's score of each caption; `Unscored` for a sample without image."""
        pictures = pictures_of(captions)
        known = [_unasked(caption, pictures[caption.sample.id]) for caption in captions]
        requests = [
            _question(caption, picture)
            for caption, score in zip(captions, known, strict=True)
            if score is None and isinstance(picture := pictures[caption.sample.id], Picture)
        ]
        return completed(known, await self.judge.read(requests, _rating))


def _unasked(caption: Caption, picture: Picture | Unscored) -> HeadScore | None:
    """What can be said without asking."""
    if isinstance(picture, Unscored):
        return picture
    return None if caption.text.strip() else 0.0


def _question(caption: Caption, picture: Picture) -> JudgeRequest:
    return JudgeRequest.of(PROMPT.fill(caption=quoted(caption.text)), picture, schema=SCHEMA)


def _rating(answer: JudgeResponse) -> Score:
    score = parse_json(answer.text, Rating).score
    return Score(score / BEST, f"{score} of {BEST}")
