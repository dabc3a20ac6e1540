"""How many of a person's facts does a caption state, and how many of its own are right? DCScore.

The protocol of DeCapBench (arXiv 2503.07906). A judge takes the caption apart into facts, matches
them to the reference's facts (three draws), and checks each against the image and the reference
(three draws). Each of the nine pairs of a matching and a verification gives an F1 of all facts and
one of the relevant facts alone (`formulas`); means of nine.

- `score`: 100 x mean over captions of (F1 + F1 of the relevant facts) / 2.
- A question whose answer cannot be used is asked up to five times; then its caption is invalid,
  leaves the mean, and is counted.
- A caption that states no fact, such as an empty one, scores 0: to say nothing is the policy's
  doing. Likewise 0 is its F1 of relevant facts if it states none. The published program drops such
  captions; `strict_compat` does as well, and weighs relevant facts as that program does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np

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
from balcap.evaluation.protocols.dcscore.command import DCScoreSettings
from balcap.evaluation.protocols.dcscore.formulas import Accuracy, Matches, as_published, trial
from balcap.evaluation.protocols.dcscore.steps import (
    DECOMPOSE,
    DRAWS,
    MATCH,
    VERIFY,
    Fact,
    Matched,
    Verified,
    ask_facts,
    ask_matches,
    ask_verdicts,
    facts_reader,
    matches_reader,
    verdicts_reader,
)
from balcap.judges.images import Picture
from balcap.judges.judge import Judge
from balcap.judges.prompts import Prompt
from balcap.statistics import interval, point
from balcap.types import Sample

NO_ORACLE = "no facts in the reference"
NO_RELEVANT = "no relevant fact"
PARTS = ("f1", "f1_relevant", "precision", "recall", "precision_relevant", "recall_relevant")
"""In a record: means over its nine trials."""

Facts = tuple[Fact, ...]


@dataclass(frozen=True, kw_only=True)
class Detailed(Item):
    """A caption, and what a person said of the same image.

    Attributes:
        caption: the caption.
        reference: the person's.
        oracle: the person's facts, at least one.
        picture: the image.
    """

    caption: str
    reference: str
    oracle: tuple[str, ...]
    picture: Picture


@dataclass(frozen=True)
class Judged:
    """What the judge said of the facts of one caption.

    Attributes:
        facts: of the caption, P of them.
        matches: three matchings of P.
        verdicts: three verifications of P.
    """

    facts: Facts
    matches: tuple[Matched, ...]
    verdicts: tuple[Verified, ...]


class DCScore(EvalProtocol[DCScoreSettings, Detailed]):
    """The protocol; see the top of this file."""

    name = "dcscore"
    plural = "captions"
    metric = "100 x mean F1 of facts, of all and of the relevant ones"
    own_judge = "gpt-4o-2024-05-13"
    published_items = (400,)

    def __init__(self, settings: DCScoreSettings, judge: Judge | None = None) -> None:
        super().__init__(settings, judge)
        self.rows = read_dataset(settings.data)[: settings.limit]
        for row in self.rows:
            if "image_name" not in row or not isinstance(row.get("oracle_facts"), list):
                raise UserError(
                    f"{settings.data}: a row needs `image_name`, `oracle_caption` and "
                    f"`oracle_facts`, a list of texts; found {', '.join(sorted(row))}"
                )

    @property
    def prompts(self) -> Sequence[Prompt]:
        """Of the three steps."""
        return (DECOMPOSE, MATCH, VERIFY)

    @property
    def deviations(self) -> Sequence[str]:
        """The weights of the relevant facts, unless they are the published ones."""
        return () if self.settings.strict_compat else ("without --strict-compat",)

    def samples(self) -> Sequence[Sample]:
        """The images, which the judge sees too."""
        settings = self.settings
        return [
            Sample(
                id=str(row["image_name"]),
                prompt=settings.prompt,
                image=find_image(
                    row["image_name"], settings.data, settings.image_root, judged=True
                ),
                reference=str(row.get("oracle_caption") or ""),
                facts=tuple(str(fact) for fact in row["oracle_facts"]),
            )
            for row in self.rows
        ]

    def items(self, captions: Captions) -> Items[Detailed]:
        """One an image."""
        samples = self.samples()
        ready = [
            Detailed(
                id=sample.id,
                sample=sample.id,
                caption=captions[sample.id][0],
                reference=sample.reference or "",
                oracle=sample.facts,
                picture=Picture(sample),
            )
            for sample in samples
            if sample.facts and sample.id in captions
        ]
        left_out = {
            NO_ORACLE: sum(not sample.facts for sample in samples),
            NO_CAPTION: sum(bool(s.facts) and s.id not in captions for s in samples),
        }
        return Items(ready, {reason: count for reason, count in left_out.items() if count})

    async def assess(self, items: Sequence[Detailed]) -> Sequence[Record | JudgeError]:
        """Take all captions apart, then match and verify all facts at once."""
        found = await self._facts(items)
        judged = await self._judged(items, found)
        return [
            one if isinstance(one, JudgeError) else self._record(item, one)
            for item, one in zip(items, judged, strict=True)
        ]

    async def _facts(self, items: Sequence[Detailed]) -> list[Facts | JudgeError]:
        """The facts of each caption; of an empty one none, unasked."""
        asked = [i for i, item in enumerate(items) if item.caption.strip()]
        reader = facts_reader(relevant_needed=self.settings.strict_compat)
        requests = [ask_facts(items[i].caption) for i in asked]
        answers = await ask_with_retries(
            self.judge, requests, [reader] * len(requests), self.settings.attempts
        )
        found: list[Facts | JudgeError] = [() for _ in items]
        for i, facts in zip(asked, answers, strict=True):
            found[i] = facts
        return found

    async def _judged(
        self, items: Sequence[Detailed], found: Sequence[Facts | JudgeError]
    ) -> list[Judged | JudgeError]:
        """Matchings and verifications of each caption's facts, or what failed of them."""
        requests, readers = [], []
        for item, facts in zip(items, found, strict=True):
            if facts and not isinstance(facts, JudgeError):
                said = [fact.fact for fact in facts]
                requests += ask_matches(said, item.oracle)
                requests += ask_verdicts(said, item.reference, item.picture)
                readers += [matches_reader(len(said), len(item.oracle))] * DRAWS
                readers += [verdicts_reader(len(said))] * DRAWS
        answers = iter(
            await ask_with_retries(self.judge, requests, readers, self.settings.attempts)
        )
        judged: list[Judged | JudgeError] = []
        for facts in found:
            if isinstance(facts, JudgeError):
                judged.append(facts)
                continue
            own: list[Any] = [next(answers) for _ in range(2 * DRAWS)] if facts else []
            judged.append(
                first_failure(own) or Judged(facts, tuple(own[:DRAWS]), tuple(own[DRAWS:]))
            )
        return judged

    def _record(self, item: Detailed, judged: Judged) -> Record:
        """Nine trials, and their means."""
        strict = self.settings.strict_compat
        relevant = [fact.relevant for fact in judged.facts]
        said: dict[str, Any] = {
            "caption": item.caption,
            "facts": [fact.model_dump() for fact in judged.facts],
            "oracle": list(item.oracle),
            "matches": judged.matches,
            "verdicts": judged.verdicts,
        }
        if strict and not any(relevant):
            return Record.none(item, NO_RELEVANT, **said, trials=[])
        trials = []
        for verdicts, matches in product(judged.verdicts, judged.matches):
            known: tuple[Sequence[bool], Matches] = (relevant, matches)
            if strict:
                known = as_published([fact.fact for fact in judged.facts], relevant, matches)
            trials.append(trial(*known, verdicts, len(item.oracle), strict_compat=strict))
        rows = [_parts(one.all) | _parts(one.relevant, "_relevant") for one in trials]
        means = {
            part: float(np.mean([row[part] for row in rows])) if rows else 0.0 for part in PARTS
        }
        score = (means["f1"] + means["f1_relevant"]) / 2
        return Record.of(item, score, **said, trials=rows, **means)

    def extra_summary(self, records: Sequence[Record]) -> dict[str, Any]:
        """The parts of the score, in [0, 1], with intervals; and how many facts captions state."""
        scored = [record for record in records if record.score is not None]
        samples = [record.sample for record in scored]
        parts, ends = {}, {}
        for part in PARTS:
            values = np.array([[record.detail[part]] for record in scored]).reshape(-1, 1)
            parts[part] = point(values, _itself)
            ends[part] = interval(values, samples, _itself, self.settings.seed)
        facts = [record.detail["facts"] for record in scored]
        return {
            **parts,
            "intervals": ends,
            "facts": float(np.mean([len(some) for some in facts])) if facts else None,
            "relevant_frac": _share([fact["relevant"] for some in facts for fact in some]),
            "without_facts": sum(not some for some in facts),
            "strict_compat": self.settings.strict_compat,
        }


def _parts(found: Accuracy, suffix: str = "") -> dict[str, float]:
    return {f"{name}{suffix}": value for name, value in asdict(found).items()}


def _itself(means: Any) -> Any:
    return means[..., 0]


def _share(true: Sequence[bool]) -> float | None:
    return sum(true) / len(true) if true else None


def run(settings: DCScoreSettings) -> int:
    """`balcap eval dcscore`; returns the exit code."""
    return evaluate(DCScore(settings))
