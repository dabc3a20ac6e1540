"""How much of the reference does a caption state? The recall of its units.

In the form of BalCapRL's recall reward (arXiv 2605.07394): covered reference units / units. The
engine `llm` asks a language model which units are covered, as there; the prompts are ours. The
engine `embedding` covers a unit by degrees, as near as the caption's nearest clause comes to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from balcap.config import JudgeSettings, within
from balcap.errors import JudgeError, UnusableAnswerError, UserError
from balcap.heads import Head
from balcap.heads.answers import completed, listed, usable_verdicts
from balcap.heads.engines.embedding import embedder
from balcap.heads.engines.similarity import best_similarities
from balcap.judges.decompose import decompose
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest
from balcap.judges.verdicts import numbered_list, verdict_form
from balcap.text import sentences
from balcap.types import Caption, HeadScore, Sample, Score, Unscored

BOUNDS = {"sentences": (0.88, 1.0), "facts": (0.6, 0.9)}
MATCH = Prompt.read(Path(__file__).parent / "prompts" / "cov_matcher.txt")
TOKENS_A_VERDICT = 12

Units = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CovConfig:
    """What is to be covered, and who says that it is.

    Attributes:
        engine: `embedding` compares sentences; `llm` asks a judge, for which a text model is
            enough.
        unit: `sentences` of the reference; its `assertions`, into which the judge takes it apart
            (llm only); or the sample's `facts`. Default: sentences for embedding, assertions for
            llm.
        low: embedding only: cosine at and below which a unit counts as not covered; default: 0.88
            for sentences, 0.6 for facts. Ours, measured on the shapes world.
        min_answered: llm only: share of the units that must have a usable verdict for a caption to
            be scored, in [0, 1]. Ours.
        high: embedding only: cosine from which a unit is covered in full; default: 1 for
            sentences, 0.9 for facts.
        model: embedding only: `auto` for all-MiniLM-L6-v2, a hub id, or a folder.
        device: embedding only: `auto`, or a torch device.
        judge: llm only: the judge of this head alone; default: `--judge.*`.
    """

    engine: Literal["embedding", "llm"] = "embedding"
    unit: Literal["sentences", "assertions", "facts"] | None = None
    low: float | None = None
    high: float | None = None
    min_answered: float = 0.5
    model: str = "auto"
    device: str = "auto"
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def __post_init__(self) -> None:
        within("cov.min_answered", self.min_answered, 0.0, 1.0)
        if self.engine == "llm":
            return
        if self.unit == "assertions":
            raise UserError(
                "cov.unit is 'assertions', which a judge must find; set cov.engine=llm, or "
                "cov.unit to sentences or facts"
            )
        low, high = self.bounds
        within("cov.low", low, 0.0, 1.0)
        within("cov.high", high, 0.0, 1.0)
        if not low < high:
            raise UserError(f"cov.low is {low:g} and cov.high {high:g}; it needs low < high")

    @property
    def units(self) -> Literal["sentences", "assertions", "facts"]:
        """`unit`, the engine's default filled in."""
        return self.unit or ("assertions" if self.engine == "llm" else "sentences")

    @property
    def bounds(self) -> tuple[float, float]:
        """`low` and `high` of the embedding, the unit's defaults filled in."""
        low, high = BOUNDS[self.units]
        return (low if self.low is None else self.low, high if self.high is None else self.high)


class Cov(Head[CovConfig]):
    """Share of the reference that the caption states, in [0, 1]; 0 for an empty caption.

    A caption that says more than the reference loses nothing. By engine:

    - `embedding`: the mean over the units of clip((similarity - low) / (high - low), 0, 1).
    - `llm`: #(units that the judge calls covered) / #(units), all units of a caption in one
      question. A reference in which the judge finds no assertion leaves its captions unscored.
    """

    name = "cov"
    Config = CovConfig

    @property
    def uses_judge(self) -> bool:
        """With the engine `llm`."""
        return self.config.engine == "llm"

    @property
    def requires(self) -> frozenset[str]:
        """The reference, or the facts."""
        return frozenset({"facts" if self.config.units == "facts" else "reference"})

    def score(
        self, captions: Sequence[Caption]
    ) -> Sequence[HeadScore] | Awaitable[Sequence[HeadScore]]:
        """Share covered; `Unscored` for a sample that has no units."""
        return self._matched(captions) if self.uses_judge else self._compared(captions)

    async def _matched(self, captions: Sequence[Caption]) -> list[HeadScore]:
        known = [self._without_asking(caption) for caption in captions]
        left = [caption for caption, score in zip(captions, known, strict=True) if score is None]
        units = await self._found([caption.sample for caption in left])
        return completed(known, await self._shares(left, units))

    def _without_asking(self, caption: Caption) -> HeadScore | None:
        """The score of a caption that no matcher is needed for."""
        if not self._units(caption.sample):
            return self._missing
        return None if caption.text.strip() else 0.0

    async def _found(self, samples: Sequence[Sample]) -> Sequence[Units | JudgeError]:
        """The units of each sample, at least one, or why there are none."""
        if self.config.units != "assertions":
            return [self._units(sample) for sample in samples]
        found = await decompose(self.judge, [sample.reference or "" for sample in samples])
        nothing = UnusableAnswerError("the judge finds no assertion in the reference")
        return [units or nothing for units in found]

    async def _shares(
        self, captions: Sequence[Caption], units: Sequence[Units | JudgeError]
    ) -> list[float | JudgeError]:
        """The share of its units that each caption covers; failures stay what they are."""
        pairs = [
            (caption.text, some)
            for caption, some in zip(captions, units, strict=True)
            if not isinstance(some, JudgeError)
        ]
        verdicts = await self.judge.read(
            [_ask(text, some) for text, some in pairs],
            [verdict_form(bool, len(some)).read for _, some in pairs],
        )
        rest = iter(verdicts)
        return [
            some if isinstance(some, JudgeError) else self._counted(some, next(rest))
            for some in units
        ]

    def _counted(self, units: Units, verdicts: Sequence[bool] | JudgeError) -> Score | JudgeError:
        found = usable_verdicts(verdicts, self.config.min_answered)
        if isinstance(found, JudgeError):
            return found
        pairs = found.pairs(units)
        stated = [unit for unit, covered in pairs if covered]
        missed = [unit for unit, covered in pairs if not covered]
        said = f"{len(stated)} of {len(pairs)} stated{found.note()}{listed('missed', missed)}"
        return Score(len(stated) / len(pairs), said, {"stated": stated, "missed": missed})

    def _compared(self, captions: Sequence[Caption]) -> list[HeadScore]:
        low, high = self.config.bounds
        pairs = [(self._units(caption.sample), caption.text) for caption in captions]
        found = best_similarities(pairs, embedder(self.config.model, self.config.device))
        return [
            self._missing if not units else _covered(units, near, low, high)
            for (units, _), near in zip(pairs, found, strict=True)
        ]

    def _units(self, sample: Sample) -> Units:
        return sample.facts if self.config.units == "facts" else sentences(sample.reference or "")

    @property
    def _missing(self) -> Unscored:
        return Unscored("no facts" if self.config.units == "facts" else "no reference")


def _ask(caption: str, units: Units) -> JudgeRequest:
    count = len(units)
    return JudgeRequest.of(
        MATCH.fill(units=numbered_list(units), caption=quoted(caption), count=str(count)),
        max_tokens=512 + TOKENS_A_VERDICT * count,
        schema=verdict_form(bool, count).schema,
    )


def _covered(units: Units, near: Sequence[float], low: float, high: float) -> Score:
    """The mean over units of clip((similarity - low) / (high - low), 0, 1)."""
    shares = [min(max((one - low) / (high - low), 0.0), 1.0) for one in near]
    missed = [unit for unit, share in zip(units, shares, strict=True) if share < 0.5]
    said = (
        f"{len(units) - len(missed)} of {len(units)} stated at least half{listed('missed', missed)}"
    )
    covered = [round(share, 4) for share in shares]
    return Score(sum(shares) / len(units), said, {"units": list(units), "covered": covered})
