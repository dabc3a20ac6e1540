"""Is a caption better than that of a known model? CapArena-Auto (arXiv 2503.12329).

600 images, each with the caption of one of three baselines (200 each) and a person's reference. A
judge that sees the image and the reference says which of two captions is better, or calls a tie.
Re-implemented from the protocol; the prompt is ours.

- A baseline's part of the score is 100 x (wins - losses) / images with a verdict; `score` is the
  mean of the three, from -100 to 100. A baseline without any verdict counts 0.
- `as_published` is the published program's sum: (wins - losses) / 2 for each baseline, then the
  mean of the three. It is the same number where all 600 images have a verdict. With fewer its range
  shrinks, and so it is not comparable.
- The caption's side is drawn for each image from `seed` and the image's name, so that a caption
  file with gaps changes nothing for the others; the published program draws without a seed. With
  `orders` 2 each pair is judged both ways, and an image counts the mean of its two verdicts.
- A verdict that cannot be read is asked for again; then the image is invalid and left out, as is
  one without a caption.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from balcap.advantage.arrays import Float
from balcap.errors import JudgeError, UserError
from balcap.evaluation.harness.dataset import find_image, read_dataset
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.harness.retries import ask_with_retries
from balcap.evaluation.protocol import (
    NO_CAPTION,
    Captions,
    EvalProtocol,
    Item,
    Items,
    Record,
    first_failure,
)
from balcap.evaluation.protocols.caparena.command import CapArenaSettings
from balcap.evaluation.protocols.caparena.formulas import (
    BASELINES,
    as_published,
    by_images,
    comes_first,
    sides,
    standing,
)
from balcap.judges.images import Picture
from balcap.judges.judge import Judge
from balcap.judges.parsing import parse_json
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest, JudgeResponse
from balcap.types import Sample

OWN = "caption of the baseline's own model"
TEMPERATURE, TOP_P, MAX_TOKENS = 0.1, 0.9, 1500  # the protocol's


class Verdict(BaseModel):
    """What the judge says of a pair."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str
    better: Literal["1", "2", "tie"]


@dataclass(frozen=True, kw_only=True)
class Pair(Item):
    """A caption, and that of a baseline for the same image.

    Attributes:
        caption: the caption.
        rival: the baseline's.
        baseline: which of `BASELINES`.
        reference: a person's caption.
        picture: the image.
        first: for each time the pair is shown, whether the caption is Caption 1.
    """

    caption: str
    rival: str
    baseline: str
    reference: str
    picture: Picture
    first: tuple[bool, ...]


class CapArena(EvalProtocol[CapArenaSettings, Pair]):
    """The protocol; see the top of this file."""

    name = "caparena"
    metric = "mean over three baselines of 100 x (wins - losses) / images, -100 to 100"
    own_judge = "gpt-4o-2024-08-06"
    published_items = (600,)

    def __init__(self, settings: CapArenaSettings, judge: Judge | None = None) -> None:
        super().__init__(settings, judge)
        rows = read_dataset(settings.data)[: settings.limit]
        self.battles = [_battle(row, settings.data) for row in rows]
        self.prompt = Prompt.read(Path(__file__).parent / "prompts" / "caparena_compare.txt")

    @property
    def prompts(self) -> Sequence[Prompt]:
        """The one prompt."""
        return (self.prompt,)

    @property
    def deviations(self) -> Sequence[str]:
        """Pairs that are shown both ways."""
        return ("with --orders 2",) if self.settings.orders == 2 else ()

    def samples(self) -> Sequence[Sample]:
        """The images, which the judge sees too."""
        settings = self.settings
        return [
            Sample(
                id=battle.image,
                prompt=settings.prompt,
                image=find_image(battle.image, settings.data, settings.image_root, judged=True),
            )
            for battle in self.battles
        ]

    def items(self, captions: Captions) -> Items[Pair]:
        """One an image; those of the baseline that the captions are of are left out."""
        left_out: Counter[str] = Counter()
        ready = []
        for battle, sample in zip(self.battles, self.samples(), strict=True):
            if battle.baseline == self.settings.own:
                left_out[OWN] += 1
            elif sample.id not in captions:
                left_out[NO_CAPTION] += 1
            else:
                ready.append(
                    Pair(
                        id=sample.id,
                        sample=sample.id,
                        caption=captions[sample.id][0],
                        rival=battle.rival,
                        baseline=battle.baseline,
                        reference=battle.reference,
                        picture=Picture(sample),
                        first=self._sides(sample.id),
                    )
                )
        return Items(ready, left_out)

    def _sides(self, image: str) -> tuple[bool, ...]:
        if self.settings.orders == 2:
            return (True, False)
        return (comes_first(image, self.settings.seed),)

    async def assess(self, items: Sequence[Pair]) -> Sequence[Record | JudgeError]:
        """Show every pair, in one order or both."""
        requests = [self._ask(item, first) for item in items for first in item.first]
        verdicts = iter(
            await ask_with_retries(
                self.judge, requests, [_read] * len(requests), self.settings.attempts
            )
        )
        return [_record(item, [next(verdicts) for _ in item.first]) for item in items]

    def _ask(self, item: Pair, first: bool) -> JudgeRequest:
        shown = (item.caption, item.rival) if first else (item.rival, item.caption)
        text = self.prompt.fill(
            reference=quoted(item.reference), first=quoted(shown[0]), second=quoted(shown[1])
        )
        return JudgeRequest.of(
            text,
            item.picture,
            max_tokens=MAX_TOKENS,
            temperature=TEMPERATURE,
            top_p=TOP_P,
            schema=Verdict.model_json_schema(),
        )

    @staticmethod
    def values(record: Record) -> Sequence[float]:
        """The verdict under its baseline, and a 1 to count it there: six numbers."""
        assert record.score is not None
        mine = [float(record.detail["baseline"] == name) for name in BASELINES]
        return (*(record.score * one for one in mine), *mine)

    @staticmethod
    def score(means: Float) -> Float:
        """From sums and counts by baseline."""
        return by_images(means)

    def extra_summary(self, records: Sequence[Record]) -> dict[str, Any]:
        """The published sum, everything by baseline, and what the sides did."""
        scored = [record for record in records if record.score is not None]
        return {
            "as_published": as_published(scored, self.settings.seed),
            "baselines": {
                name: standing([r for r in scored if r.detail["baseline"] == name])
                for name in BASELINES
            },
            **sides(scored),
            "orders": self.settings.orders,
            "side_seed": self.settings.seed,
        }


@dataclass(frozen=True)
class _Battle:
    """A row of the data."""

    image: str
    baseline: str
    rival: str
    reference: str


def _battle(row: Mapping[str, Any], data: str) -> _Battle:
    captions, model = row.get("captions"), str(row.get("ref_model", ""))
    if "id" not in row or not isinstance(captions, Mapping) or "human" not in captions:
        raise UserError(
            f"{data}: a row needs an image file as its name or `id`, `captions` with `human` and "
            f"the baseline's, and `ref_model`; found {', '.join(sorted(row))}"
        )
    baseline = _short(model)
    rivals = [text for name, text in captions.items() if baseline and _short(name) == baseline]
    if baseline is None or len(rivals) != 1:
        raise UserError(
            f"{data}, {row['id']}: ref_model is {model!r}, and `captions` has "
            f"{', '.join(sorted(captions))}; the baseline must be one of {', '.join(BASELINES)}, "
            "with one caption"
        )
    return _Battle(str(row["id"]), baseline, str(rivals[0]), str(captions["human"]))


def _short(model: str) -> str | None:
    """Which baseline a name means: `cog`, or `CogVLM2-llama3-chat-19B`; None for no baseline."""
    return next((name for name in BASELINES if name in model.lower()), None)


def _read(answer: JudgeResponse) -> Verdict:
    return parse_json(answer.text, Verdict)


def _record(item: Pair, verdicts: Sequence[Verdict | JudgeError]) -> Record | JudgeError:
    failure = first_failure(verdicts)
    if failure is not None:
        return failure
    said = [verdict for verdict in verdicts if isinstance(verdict, Verdict)]
    pairs = list(zip(item.first, said, strict=True))
    return Record.of(
        item,
        float(np.mean([_won(first, verdict) for first, verdict in pairs])),
        baseline=item.baseline,
        caption=item.caption,
        rival=item.rival,
        reference=item.reference,
        verdicts=[
            {
                "caption_is": "1" if first else "2",
                "better": verdict.better,
                "won": _won(first, verdict),
                "reason": verdict.reason,
            }
            for first, verdict in pairs
        ],
    )


def _won(first: bool, verdict: Verdict) -> int:
    """1 if the caption won, -1 if it lost, 0 for a tie."""
    if verdict.better == "tie":
        return 0
    return 1 if (verdict.better == "1") == first else -1


def run(settings: CapArenaSettings) -> int:
    """`balcap eval caparena`; returns the exit code."""
    return evaluate(CapArena(settings))
