"""Is a caption right, complete and well written, all at once? b-CapScore (arXiv 2605.07394).

The harmonic mean of pointability-aware precision, coverage of the reference and language quality,
x 100, in the form of the reward heads `precision`, `cov` and `fluency`, each with engine `llm` and
asked on the protocol's one judge. The heads' prompts are ours; the paper names neither the judge
nor the scale of the grades, so no score here is comparable to its numbers.

The paper does not say which mean is taken first. Ours:

- `score`: the harmonic mean of the three means over captions. A caption with one weak part lowers
  that part alone, as in the harmonic mean of a run's evaluation.
- `mean_of_items`: the mean over captions of the harmonic means of their three parts, never higher.

Edges: a part of 0 makes a harmonic mean 0. A caption that asserts nothing, such as an empty one,
has a precision of 0. A caption with a part that could not be scored (no reference, or an unusable
answer) leaves all means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from balcap.advantage.arrays import Float
from balcap.advantage.harmonic import harmonic_mean
from balcap.data import check_requirements
from balcap.errors import JudgeError, UnusableAnswerError
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.harness.referenced import UNUSABLE_ROW, referenced_samples
from balcap.evaluation.protocol import (
    NO_CAPTION,
    Captions,
    EvalProtocol,
    Item,
    Items,
    Record,
    first_failure,
)
from balcap.evaluation.protocols.bcapscore.command import BCapScoreSettings
from balcap.heads import Head
from balcap.heads.registry import find
from balcap.heads.scoring import score
from balcap.judges.judge import Judge
from balcap.judges.prompts import Prompt
from balcap.runs.provenance import files_of
from balcap.statistics import interval, point
from balcap.types import Caption, HeadScore, Sample, Score, Unscored

PARTS = {"precision": "precision", "coverage": "cov", "language": "fluency"}
"""The parts of the score, each with the head that gives it."""


@dataclass(frozen=True, kw_only=True)
class Described(Item):
    """A caption of a sample."""

    caption: Caption


class BCapScore(EvalProtocol[BCapScoreSettings, Described]):
    """The protocol; see the top of this file."""

    name = "bcapscore"
    plural = "captions"
    metric = "100 x harmonic mean of precision, coverage and language"

    def __init__(self, settings: BCapScoreSettings, judge: Judge | None = None) -> None:
        super().__init__(settings, judge)
        self._samples, self._unusable = referenced_samples(settings)
        check_requirements(self._samples, {head.name: head.requires for head in _heads()})

    @property
    def deviations(self) -> Sequence[str]:
        """What the paper leaves open."""
        return ("the paper names neither its judge nor its grading scale",)

    @property
    def prompts(self) -> Sequence[Prompt]:
        """Those of the heads."""
        files = dict.fromkeys(file for head in _heads() for file in files_of(head))
        return [Prompt.read(file) for file in files if file.suffix == ".txt"]

    def samples(self) -> Sequence[Sample]:
        """The images with their references."""
        return self._samples

    def items(self, captions: Captions) -> Items[Described]:
        """One a caption."""
        ready = [
            Described(
                id=sample.id, sample=sample.id, caption=Caption(sample, captions[sample.id][0])
            )
            for sample in self._samples
            if sample.id in captions
        ]
        left_out = {NO_CAPTION: len(self._samples) - len(ready), UNUSABLE_ROW: self._unusable}
        return Items(ready, {reason: count for reason, count in left_out.items() if count})

    async def assess(self, items: Sequence[Described]) -> Sequence[Record | JudgeError]:
        """Let the heads score all captions."""
        captions = [item.caption for item in items]
        scored = await asyncio.to_thread(score, _heads(self.judge), captions)  # it waits for heads
        return [self._outcome(item, cells) for item, cells in zip(items, scored.cells, strict=True)]

    def _outcome(self, item: Described, cells: Sequence[HeadScore]) -> Record | JudgeError:
        parts = dict(zip(PARTS, cells, strict=True))
        missing = {name: cell for name, cell in parts.items() if isinstance(cell, Unscored)}
        failure = first_failure([_failure(name, cell) for name, cell in missing.items()])
        if failure is not None:
            return failure
        said = {"caption": item.caption.text, "reference": item.caption.sample.reference}
        if missing:
            name, cell = next(iter(missing.items()))
            return Record.none(item, f"{name}: {cell.reason}", **said)
        values = [cell for cell in cells if not isinstance(cell, Unscored)]
        whole = harmonic_mean(values)
        assert whole is not None
        named = dict(zip(PARTS, values, strict=True))
        evidence = {name: _evidence(cell) for name, cell in named.items()}
        parts_of = {name: float(cell) for name, cell in named.items()}
        return Record.of(item, whole, **parts_of, **said, evidence=evidence)

    @staticmethod
    def values(record: Record) -> Sequence[float]:
        """The three parts."""
        return [record.detail[name] for name in PARTS]

    @staticmethod
    def score(means: Float) -> Float:
        """Harmonic mean of the means of the parts."""
        with np.errstate(divide="ignore"):
            whole: Float = 100.0 * means.shape[-1] / (1.0 / means).sum(axis=-1)
        return whole

    def extra_summary(self, records: Sequence[Record]) -> dict[str, Any]:
        """The other mean, and the parts in [0, 1], with intervals; and the heads."""
        scored = [record for record in records if record.score is not None]
        samples = [record.sample for record in scored]
        columns = {"mean_of_items": np.array([100.0 * (r.score or 0.0) for r in scored])}
        columns |= {name: np.array([r.detail[name] for r in scored]) for name in PARTS}
        seed = self.settings.seed
        return {
            **{name: point(column[:, None], _itself) for name, column in columns.items()},
            "intervals": {
                name: interval(column[:, None], samples, _itself, seed)
                for name, column in columns.items()
            },
            "heads": {
                name: f"{type(head).__module__}:{type(head).__qualname__}"
                for name, head in zip(PARTS, _heads(), strict=True)
            },
        }


def _heads(judge: Judge | None = None) -> list[Head[Any]]:
    """The three heads, in the order of `PARTS`. Raises UserError if one is not installed."""
    found = [find(name) for name in PARTS.values()]
    return [head(head.Config(engine="llm"), judge) for head in found]


def _failure(part: str, cell: Unscored) -> JudgeError | None:
    """What a head was told by its judge; None where the data are at fault."""
    kinds = {"judge": JudgeError, "answer": UnusableAnswerError}
    kind = kinds.get(cell.cause)
    return kind(f"{part}: {cell.reason}") if kind else None


def _evidence(cell: float) -> Any:
    """What the judge said of one part: assertions with verdicts, units found and missed, grades."""
    return dict(cell.evidence) if isinstance(cell, Score) else {}


def _itself(means: Float) -> Float:
    first: Float = means[..., 0]
    return first


def run(settings: BCapScoreSettings) -> int:
    """`balcap eval bcapscore`; returns the exit code."""
    return evaluate(BCapScore(settings))
