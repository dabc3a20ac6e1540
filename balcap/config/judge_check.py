"""The settings of `balcap judge check`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from balcap.config.checks import at_least, within
from balcap.config.data import Columns
from balcap.config.judge import JudgeSettings
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class JudgeCheckSettings:
    """What the judge is asked, and from when on it is fit. All bounds are ours.

    Attributes:
        data: questions with known answers: `shapes`, the built-in world, or KIND:PATH, such as
            caption-qa:qa.json.
        captions: captions that answer the questions, as `balcap score` reads them; default: the
            references of the data.
        columns: column names for `records`.
        samples: how many samples are asked about, the first ones of the data.
        draws: how often each question is asked with the caption, and as often without; its options
            move on by one place each time, so with as many draws as options the right one has
            been at each.
        seed: of the first order of the options.
        answer: as `--qa.answer`: the `letter` that is said; `soft`, the probability of the right
            one; `gain`, how much of it is due to the caption.
        abstain: offer "cannot be told" as the last option.
        temperature: at which a letter is sampled, in [0, 2].
        max_tokens: longest answer with a letter.
        min_mass: with `soft` and `gain`, an answer is unusable if the letters have less probability
            than this together, in [0, 1].
        max_bad: refuse data of which more than this share of the rows is unusable, in [0, 1].
        min_accuracy: least share of right options with the caption.
        min_gain: least difference that the caption makes to what the right answer is worth.
        max_position_bias: largest distance between the letters picked and those of the right
            options, in [0, 1].
        max_abstention: largest share of "cannot be told" with the caption.
        max_unusable: largest share of answers that are not there or cannot be used.
        min_agreement: least share of pairs of draws of a question with the same option.
        out: file for all numbers, .json.
        judge: who is asked.
    """

    data: str = "shapes"
    captions: Path | None = None
    columns: Columns = field(default_factory=Columns)
    samples: int = 50
    draws: int = 4
    seed: int = 0
    answer: Literal["letter", "soft", "gain"] = "letter"
    abstain: bool = True
    temperature: float = 0.6
    max_tokens: int = 10
    min_mass: float = 0.01
    max_bad: float = 0.05
    min_accuracy: float = 0.8
    min_gain: float = 0.3
    max_position_bias: float = 0.15
    max_abstention: float = 0.2
    max_unusable: float = 0.05
    min_agreement: float = 0.8
    out: Path | None = None
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def __post_init__(self) -> None:
        for name in ("samples", "draws", "max_tokens"):
            at_least(name, getattr(self, name), 1)
        within("temperature", self.temperature, 0.0, 2.0)
        within("min_gain", self.min_gain, -1.0, 1.0)
        for name in (
            "min_mass", "max_bad", "min_accuracy", "max_position_bias", "max_abstention",
            "max_unusable", "min_agreement",
        ):  # fmt: skip
            within(name, getattr(self, name), 0.0, 1.0)
        if self.out is not None and self.out.suffix != ".json":
            raise UserError(f"out is {str(self.out)!r}; its name must end in .json")
