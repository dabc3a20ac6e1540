"""The settings of `balcap probe`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from balcap.config.checks import at_least, counts
from balcap.config.data import DataSettings
from balcap.config.reward import RewardSettings
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class ProbeSettings(RewardSettings, DataSettings):
    """What is attacked, how, and from when on an attack counts as won.

    Attributes:
        samples: number of samples whose references are attacked: held-out ones, where there are
            any. Each gives the heads about 60 captions to score.
        attacks: only these, comma separated; default: all.
        longest: words that a ramble is filled up to, the policy's longest caption; default: three
            times the caption that it is made of.
        margin: an attack wins, and the exit code is 1, if its weighted sum is higher than that of
            its honest captions by more than this, in the mean. The default lets a head's quirks
            pass, such as a lint that weighs less in a longer text; below 0, every attack must lose
            at least so much.
        seed: of the samples, and of whatever an attack draws.
        out: folder for `probe.json` and `probe.png`, which are written over.
    """

    samples: int = 100
    attacks: tuple[str, ...] = ()
    longest: int | None = None
    margin: float = 0.01
    seed: int = 0
    out: Path = Path("runs/probe")

    def __post_init__(self) -> None:
        DataSettings.__post_init__(self)
        RewardSettings.__post_init__(self)
        counts(self, "samples", "longest")
        at_least("seed", self.seed, 0)
        if not math.isfinite(self.margin):
            raise UserError(f"margin is {self.margin}; it must be a number")
        if self.length_unit == "tokens":
            raise UserError(
                "length_unit is 'tokens', and a probe has no policy to count them; use words or "
                "chars"
            )
