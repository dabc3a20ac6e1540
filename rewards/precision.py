"""How much of what a caption asserts is true? The share that can be seen, and pointed at.

BalCapRL's precision reward (arXiv 2605.07394): assertions that are visible and pointable / all
assertions of the caption. An assertion is pointable if it is about something that has its place in
the image, or is concluded from definite evidence there ("people are queueing" where they stand in a
line); "a cosy atmosphere" is not, however fitting. The prompt is ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from balcap.config import JudgeSettings, within
from balcap.errors import JudgeError
from balcap.heads import Head
from balcap.heads.answers import completed, listed, usable_verdicts
from balcap.heads.pictures import pictures_of
from balcap.judges.decompose import decompose
from balcap.judges.images import Picture
from balcap.judges.prompts import Prompt
from balcap.judges.types import JudgeRequest
from balcap.judges.verdicts import VerdictForm, numbered_list, verdict_form
from balcap.types import Caption, Checkable, HeadScore, Score, Unscored

VERIFY = Prompt.read(Path(__file__).parent / "prompts" / "precision_verify.txt")
TOKENS_A_VERDICT = 24
NOTHING_SAID = "the caption asserts nothing"


@dataclass(frozen=True, kw_only=True)
class PrecisionConfig:
    """Who checks the assertions, and which ones count.

    Attributes:
        engine: `llm` asks a judge that sees the image; `scene` is exact, for data whose samples
            carry a scene, as those of the shapes world do.
        pointable: whether an assertion must be pointable to count as true; off for the ablation.
            The judge is asked the same either way.
        min_answered: llm only: share of the assertions that must have a usable verdict for a
            caption to be scored, in [0, 1]. Ours.
        judge: the judge of this head alone; default: `--judge.*`.
    """

    engine: Literal["llm", "scene"] = "llm"
    pointable: bool = True
    min_answered: float = 0.5
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def __post_init__(self) -> None:
        within("precision.min_answered", self.min_answered, 0.0, 1.0)


class Verdict(BaseModel):
    """What a judge says of one assertion."""

    model_config = ConfigDict(extra="forbid", strict=True)

    visible: bool
    pointable: bool


class Precision(Head[PrecisionConfig]):
    """Share of a caption's assertions that the image shows, in [0, 1]; 0 for one without any.

    `llm`: the judge splits the caption into assertions, then sees the image and says of each
    whether it is visible and pointable. #(visible and pointable) / #(assertions), or with
    `pointable` off #(visible) / #(assertions). An empty caption scores 0 unasked, and so does one
    that the judge finds no assertion in: not to assert anything is the policy's doing.

    `scene`: true claims / claims, each different claim once, among those that the scene can check.
    A sentence without such a claim ("A calm and happy mood.") has nothing that could be pointed
    at: it counts as one false assertion, or with `pointable` off not at all.
    """

    name = "precision"
    Config = PrecisionConfig

    @property
    def uses_judge(self) -> bool:
        """With engine `llm`."""
        return self.config.engine == "llm"

    @property
    def requires(self) -> frozenset[str]:
        """The image, or the scene."""
        return frozenset({"image" if self.config.engine == "llm" else "scene"})

    def score(
        self, captions: Sequence[Caption]
    ) -> Sequence[HeadScore] | Awaitable[Sequence[HeadScore]]:
        """Precision of each caption; `Unscored` for a sample without image, or without scene."""
        if self.config.engine == "llm":
            return self._by_judge(captions)
        return [self._by_scene(caption) for caption in captions]

    def _by_scene(self, caption: Caption) -> HeadScore:
        scene = caption.sample.metadata.get("scene")
        if scene is None:
            return Unscored("no scene")
        if not isinstance(scene, Checkable):
            return Unscored(f"a scene that cannot be checked: {type(scene).__name__}")
        verdicts = scene.verdicts(caption.text)
        counted = [v is True for v in verdicts if v is not None or self.config.pointable]
        said = f"{sum(counted)} of {len(counted)} claims true" if counted else NOTHING_SAID
        return Score(_share(counted), said)

    async def _by_judge(self, captions: Sequence[Caption]) -> list[HeadScore]:
        pictures = pictures_of(captions)
        known = [_unasked(caption, pictures[caption.sample.id]) for caption in captions]
        left = [caption for caption, score in zip(captions, known, strict=True) if score is None]
        said = await decompose(self.judge, [caption.text for caption in left])
        return completed(known, await self._verified(left, said, pictures))

    async def _verified(
        self,
        captions: Sequence[Caption],
        said: Sequence[tuple[str, ...] | JudgeError],
        pictures: Mapping[str, Picture | Unscored],
    ) -> list[float | JudgeError]:
        """The share of each caption's assertions that is true, by a judge that sees the image."""
        checks = [
            _Check(assertions, picture)
            for caption, assertions in zip(captions, said, strict=True)
            if assertions
            and not isinstance(assertions, JudgeError)
            and isinstance(picture := pictures[caption.sample.id], Picture)
        ]
        verdicts = await self.judge.read(
            [check.request for check in checks], [check.form.read for check in checks]
        )
        shares = iter([self._counted(*pair) for pair in zip(checks, verdicts, strict=True)])
        nothing = Score(0.0, NOTHING_SAID)
        return [
            each if isinstance(each, JudgeError) else next(shares) if each else nothing
            for each in said
        ]

    def _counted(
        self, check: _Check, verdicts: Sequence[Verdict] | JudgeError
    ) -> Score | JudgeError:
        found = usable_verdicts(verdicts, self.config.min_answered)
        if isinstance(found, JudgeError):
            return found
        pairs = found.pairs(check.assertions)
        true = [text for text, v in pairs if self._counts(v)]
        false = [text for text, v in pairs if not self._counts(v)]
        said = f"{len(true)} of {len(pairs)} assertions true{found.note()}{listed('not', false)}"
        evidence = [{"assertion": text, **v.model_dump()} for text, v in pairs]
        return Score(len(true) / len(pairs), said, {"assertions": evidence})

    def _counts(self, verdict: Verdict) -> bool:
        return verdict.visible and (verdict.pointable or not self.config.pointable)


@dataclass(frozen=True)
class _Check:
    """The question whether the assertions of one caption are true."""

    assertions: tuple[str, ...]
    picture: Picture

    @property
    def form(self) -> VerdictForm[Verdict]:
        return verdict_form(Verdict, len(self.assertions))

    @property
    def request(self) -> JudgeRequest:
        count = len(self.assertions)
        text = VERIFY.fill(assertions=numbered_list(self.assertions), count=str(count))
        return JudgeRequest.of(
            text,
            self.picture,
            max_tokens=512 + TOKENS_A_VERDICT * count,
            schema=self.form.schema,
        )


def _unasked(caption: Caption, picture: Picture | Unscored) -> HeadScore | None:
    """What can be said without asking."""
    if isinstance(picture, Unscored):
        return picture
    return None if caption.text.strip() else 0.0


def _share(true: Sequence[bool]) -> float:
    """Share of what is true; 0 of nothing."""
    return sum(true) / len(true) if true else 0.0
