"""Is a judge fit? What was measured against bounds, as a table and in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from balcap.config.judge_check import JudgeCheckSettings
from balcap.console import number, table
from balcap.evaluation.judge_check.measures import Measured, Measures
from balcap.statistics import Interval


@dataclass(frozen=True)
class Row:
    """One number of the table.

    Attributes:
        what: its name.
        value: None if there is none.
        interval: of 95%, where it has one.
        low: least value of a fit judge.
        high: largest value of a fit judge.
        problem: what is wrong with a judge out of bounds, for the sentence.
    """

    what: str
    value: float | None
    interval: Interval | None = None
    low: float | None = None
    high: float | None = None
    problem: str = ""

    @property
    def is_fit(self) -> bool:
        """Whether it is within its bounds. What must reach one and has no value does not."""
        if self.value is None:
            return self.low is None
        return (self.low is None or self.value >= self.low) and (
            self.high is None or self.value <= self.high
        )

    @property
    def bound(self) -> str:
        """For the table."""
        if self.low is not None:
            return f">= {self.low:g}"
        return "" if self.high is None else f"<= {self.high:g}"


def rows_of(found: Measures, per_second: float | None, of: JudgeCheckSettings) -> list[Row]:
    """What was measured, beside the bounds of the settings."""

    def measured(what: str, one: Measured, low: float | None = None, problem: str = "") -> Row:
        return Row(what, one.value, one.interval, low, None, problem)

    # a single draw has none to agree with
    agreement = of.min_agreement if of.draws > 1 else None
    useless = found.unusable + found.unanswered
    return [
        measured("accuracy with the caption", found.accuracy, of.min_accuracy, "reads badly"),
        measured("accuracy without", found.blind),
        Row("chance", found.chance),
        measured("gain by the caption", found.gain, of.min_gain, "hardly heeds the caption"),
        Row("position bias", found.position_bias, None, None, of.max_position_bias,
            "prefers some letters"),
        Row("abstention with the caption", found.abstention, None, None, of.max_abstention,
            "abstains where the caption says it"),
        Row("abstention without", found.blind_abstention),
        Row("unusable or no answer", useless, None, None, of.max_unusable,
            "gives answers that cannot be used"),
        Row("agreement with itself", found.agreement, None, agreement, None,
            "contradicts itself"),
        Row("questions per second", per_second),
    ]  # fmt: skip


def shown(rows: Sequence[Row]) -> str:
    """The table."""
    return table([
        {
            "": row.what,
            "value": number(row.value),
            "95% interval": " to ".join(map(number, row.interval or ())),
            "bound": row.bound,
            "out": "" if row.is_fit else "x",
        }
        for row in rows
    ])  # fmt: skip


def sentence(judge: str, rows: Sequence[Row]) -> str:
    """The verdict, with what is wrong."""
    out = [row for row in rows if not row.is_fit]
    if not out:
        return f"{judge} is fit to reward, by these bounds"
    known = [row for row in out if row.value is not None]
    wrong = [f"{row.problem} ({row.what} {row.value:.3f}, {row.bound})" for row in known]
    return f"{judge} is not fit to reward: it {'; '.join(wrong) or 'gives nothing to measure'}"
