"""How often does a judge that sees the image prefer these captions to those of others?

RubiCap (arXiv 2603.09160) and MoCo report such win rates against the model that training began
with, and a blind ranking of several. Prompts are ours. Theirs shows each pair in one order, with
the candidate always first in MoCo's program; here every comparison is asked in two orders, each the
reverse of the other, and of what the judge says only what it says in both counts:

- The judge sees the image and the captions, and nothing of whose they are. Of two captions it says
  which is better, or that neither is; three and more it ranks.
- A contender beats another on an image if its caption has the better rank in both orders. **A
  disagreement between the orders is a tie**, as equal ranks in both are. Captions of the same text
  are a tie without a question.
- A win rate is 100 x (wins + ties / 2) / images: 50 if both are equally good, and that of the other
  is 100 minus it. `score` is the win rate of the captions against the rival, with several rivals
  the mean over them. A contender's mean rank is 1 + the captions that beat its own + half of those
  tied with it. Intervals are a paired bootstrap: images are drawn, each with all that was said of
  it.
- `sides` tells how much the judge goes by the order: `first_frac`, how often the earlier caption is
  called better, is a half for a judge that does not, however good the captions are. A judge that
  always says "1" gives a `first_frac` of 1, and ties alone.
- Judges like long captions. Each pair tells the words of both, how often the longer caption won,
  and the win rate among images with captions of about equal length (`length_band`).
- An image whose verdict cannot be read in one of the orders, `attempts` times, is left out and
  counted, never a tie or a loss; so is one that a contender has no caption for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

from balcap.config import EvalSettings, JudgedEvalSettings
from balcap.errors import JudgeError
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.harness.referenced import UNUSABLE_ROW, referenced_samples
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
from balcap.evaluation.protocols.winrate.asking import (
    PAIR,
    RANK,
    Order,
    Said,
    orders_of,
    read_answer,
    request_of,
)
from balcap.evaluation.protocols.winrate.command import WinRateSettings, is_caption_file
from balcap.evaluation.protocols.winrate.formulas import Battles, agreed, verdicts_of
from balcap.evaluation.protocols.winrate.report import lines_of
from balcap.judges.images import Picture
from balcap.judges.judge import Judge
from balcap.judges.prompts import Prompt
from balcap.types import Sample


@dataclass(frozen=True, kw_only=True)
class Battle(Item):
    """An image with a caption of each contender.

    Attributes:
        captions: of the contenders, the settings' own first.
        picture: the image.
        orders: in which they are shown; see `orders_of`.
    """

    captions: tuple[str, ...]
    picture: Picture
    orders: tuple[Order, ...]


class WinRate(EvalProtocol[WinRateSettings, Battle]):
    """The protocol; see the top of this file."""

    name = "winrate"
    metric = "100 x (wins + ties / 2) / images, mean over the rivals"

    def __init__(self, settings: WinRateSettings, judge: Judge | None = None) -> None:
        super().__init__(settings, judge)
        self._samples, self._unusable = referenced_samples(settings)

    @property
    def prompts(self) -> Sequence[Prompt]:
        """The one for pairs, also where three captions are two texts, and the one for more."""
        return (PAIR, RANK) if len(self.settings.contenders) > 2 else (PAIR,)

    def rivals(self) -> Sequence[EvalSettings]:
        """Whom `against` names."""
        shared = {
            item.name: getattr(self.settings, item.name) for item in fields(JudgedEvalSettings)
        }
        return [
            JudgedEvalSettings(**{**shared, "captions": Path(one), "policy": ""})
            if is_caption_file(one)
            else JudgedEvalSettings(**{**shared, "captions": None, "policy": one})
            for one in self.settings.against
        ]

    def samples(self) -> Sequence[Sample]:
        """The images, which the judge sees too."""
        return self._samples

    def items(self, captions: Captions) -> Items[Battle]:
        """One an image."""
        ready = [
            Battle(
                id=sample.id,
                sample=sample.id,
                captions=captions[sample.id],
                picture=Picture(sample),
                orders=orders_of(sample.id, captions[sample.id], self.settings.seed),
            )
            for sample in self._samples
            if sample.id in captions
        ]
        left_out = {NO_CAPTION: len(self._samples) - len(ready), UNUSABLE_ROW: self._unusable}
        return Items(ready, {reason: count for reason, count in left_out.items() if count})

    async def assess(self, items: Sequence[Battle]) -> Sequence[Record | JudgeError]:
        """Show the captions of every image in both orders."""
        shown = [
            ([item.captions[number] for number in order], item.picture)
            for item in items
            for order in item.orders
        ]
        said = iter(
            await ask_with_retries(
                self.judge,
                [request_of(texts, picture) for texts, picture in shown],
                [partial(read_answer, count=len(texts)) for texts, _ in shown],
                self.settings.attempts,
            )
        )
        return [_record(item, [next(said) for _ in item.orders]) for item in items]

    def extra_summary(self, records: Sequence[Record]) -> dict[str, Any]:
        """Every pair, every contender, and what the order did; see `Battles`."""
        names, band = self.settings.names, self.settings.length_band
        battles = Battles([r for r in records if r.score is not None], self.settings.seed)
        known = len(battles.records) > 0
        numbers = range(len(names)) if known else ()
        return {
            "contenders": [
                {
                    "name": names[number],
                    "mean_rank": battles.mean_rank(number),
                    "words": float(battles.words[:, number].mean()),
                }
                for number in numbers
            ],
            "pairs": [
                {"contenders": [names[one], names[other]], **battles.pair(one, other, band)}
                for one, other in combinations(numbers, 2)
            ],
            "sides": battles.sides() if known else {},
            "length_band": band,
        }

    def report_lines(self, summary: Mapping[str, Any]) -> Sequence[str]:
        """In words."""
        return [*lines_of(summary)]


def _record(item: Battle, outcomes: Sequence[Said | JudgeError]) -> Record | JudgeError:
    failure = first_failure(outcomes)
    if failure is not None:
        return failure
    said = [one for one in outcomes if isinstance(one, Said)]
    ranks = [_ranks(item, order, one) for order, one in zip(item.orders, said, strict=True)]
    ranks = ranks or [[1] * len(item.captions)] * 2  # all of the same text
    won = agreed(verdicts_of(ranks))
    return Record.of(
        item,
        float((1 + won[0, 1:]).mean()) / 2,
        captions=item.captions,
        orders=item.orders,
        ranks=ranks,
        won=won.astype(int).tolist(),
        reasons=[one.reason for one in said],
    )


def _ranks(item: Battle, order: Order, said: Said) -> list[int]:
    """Of every contender; those of the same text share the rank of the one that was shown."""
    by_text = {item.captions[n].strip(): rank for n, rank in zip(order, said.ranks, strict=True)}
    return [by_text[text.strip()] for text in item.captions]


def run(settings: WinRateSettings) -> int:
    """`balcap eval winrate`; returns the exit code."""
    return evaluate(WinRate(settings))
