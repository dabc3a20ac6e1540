"""Which of BalCapRL's claims do the intervals bear out?

The paper numbers no claims. These six are what its comparison with CapRL and its ablations say
(arXiv 2605.07394, Qwen2.5-VL-3B), one for each part of its recipe. Its measures are read here as
the nearest ones of the shapes world: DCScore as `fact_f1`, CaptionQA as `qa`, and CapArena, which
ranks whole captions, as `balance`, since b-CapScore is what ranks captioners most like it there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from balcap.sweeps.ablation.measures import Difference

LEAST_PAIRS = 5
"""Seeds that a verdict needs. Ours: with fewer, an interval of Student's t leans on a normal
distribution that nobody can see."""

RULE = f"""\
A prediction says that a metric of a cell is higher, or lower, than in the reference cell. It is
confirmed if the whole 95% interval of the paired difference is on that side of 0, contradicted if
all of it is on the other side, and open otherwise, or with fewer than {LEAST_PAIRS} pairs of runs.
A claim holds if all its predictions are confirmed, does not hold if one is contradicted, and is
open otherwise."""


class Verdict(Enum):
    """What is to be said of a claim."""

    HOLDS = "holds"
    DOES_NOT = "does not hold"
    OPEN = "open"


@dataclass(frozen=True)
class Prediction:
    """A metric of a cell is higher (or lower) than in the reference cell."""

    cell: str
    metric: str
    higher: bool

    def __str__(self) -> str:
        return f"{self.metric} {'higher' if self.higher else 'lower'} in {self.cell}"


@dataclass(frozen=True)
class Claim:
    """Something that the paper found.

    Attributes:
        text: the claim.
        source: the numbers behind it.
        predictions: what must be seen if it is true here as well; all of them.
    """

    text: str
    source: str
    predictions: tuple[Prediction, ...]


def _lower(cell: str, *metrics: str) -> tuple[Prediction, ...]:
    return tuple(Prediction(cell, metric, higher=False) for metric in metrics)


def _higher(cell: str, *metrics: str) -> tuple[Prediction, ...]:
    return tuple(Prediction(cell, metric, higher=True) for metric in metrics)


CLAIMS = (
    Claim(
        "Utility alone answers more and unbalances the caption",
        "CapRL-3B to BalCapRL-3B: CaptionQA 82.6 to 75.0, CapArena -50.6 to -3.8",
        (*_higher("utility", "qa"), *_lower("utility", "balance")),
    ),
    Claim(
        "Without a language reward captions say more, longer and worse",
        "no linguistic: DCScore and CaptionQA up, CapArena -12.0 to -51.0, 375 words",
        (*_higher("no-fluency", "fact_f1", "qa", "words"), *_lower("no-fluency", "balance")),
    ),
    Claim(
        "A reward for precision makes captions more faithful",
        "no precision: DCScore down",
        _higher("precision", "fact_f1"),
    ),
    Claim(
        "Normalising each reward (GDPO) beats normalising the sum (GRPO)",
        "no c-GDPO: DCScore 38.0, CaptionQA 67.0, CapArena -71.8",
        _lower("sum", "fact_f1", "qa", "balance"),
    ),
    Claim(
        "A mask by length beats a linear penalty and no control",
        "linear penalty: not balanced enough; no length control: DCScore down",
        (*_lower("penalty", "balance"), *_lower("no-length", "fact_f1")),
    ),
    Claim(
        "Poor references cost on every measure",
        "original ShareGPT4V references: DCScore, CaptionQA and CapArena down",
        _lower("poor-references", "fact_f1", "qa", "balance"),
    ),
)

DifferenceOf = Callable[[str, str], Difference]
"""The difference of a cell (by name) to the reference cell in a metric."""


def seen(prediction: Prediction, difference: Difference) -> Verdict:
    """Whether a prediction is confirmed, contradicted or open; see `RULE`."""
    if difference.interval is None or difference.pairs < LEAST_PAIRS:
        return Verdict.OPEN
    low, high = difference.interval
    above, below = low > 0, high < 0
    if not above and not below:
        return Verdict.OPEN
    return Verdict.HOLDS if above == prediction.higher else Verdict.DOES_NOT


def verdict_of(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of a claim, from those of its predictions (at least one); see `RULE`."""
    if Verdict.DOES_NOT in verdicts:
        return Verdict.DOES_NOT
    return Verdict.OPEN if Verdict.OPEN in verdicts else Verdict.HOLDS


def judge(claim: Claim, difference_of: DifferenceOf) -> Verdict:
    """The verdict of a claim."""
    return verdict_of([seen(one, difference_of(one.cell, one.metric)) for one in claim.predictions])
