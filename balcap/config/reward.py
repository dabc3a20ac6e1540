"""Which reward heads judge a caption, and what becomes of their scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from balcap.config.checks import at_least
from balcap.config.judge import JudgeSettings
from balcap.config.methods import GATE_KIND, NORMALIZER_KIND
from balcap.errors import UserError, not_selected
from balcap.plugins import place_of


@dataclass(frozen=True, kw_only=True)
class RewardSettings:
    """Which heads, how much each counts, and what becomes of their scores.

    Attributes:
        rewards: heads by name, `package.module:Class` or `path.py:Class`, comma separated, each
            with an optional weight: `qa=1,cov=0.5,fluency`. A weight that is not given is 1.
        weights: weights by head name, over those in `rewards`: `--weights.cov 0.5`.
        normalizer: grpo, dr_grpo, mo_grpo, gdpo (alias c-gdpo), gdpo_live, gd2po, rvpo, dvao,
            sa_mrpo or corr_grpo, or one of yours: `package.module:Class` or `path.py:Class`.
        gate: what becomes of a gated head's score when the caption's length is out of the band:
            `zero` (BalCapRL), `exclude` (leave the cell out), `post` (0 after normalisation),
            `penalty` (no band: minus a linear penalty), `none`, or one of yours, as above.
        gate_heads: the gated heads, comma separated; default: fluency, where it is selected.
        gate_low: lowest length, as a ratio to the reference's.
        gate_high: highest length, as a ratio to the reference's.
        length_unit: what lengths are counted in: words, which are letters in scripts without
            blanks such as Chinese and Thai; policy tokens; or characters.
        methods: settings of the normaliser and of the gate, by their names: {gd2po: {tau: 0.5}}.
            On the command line and in files they stand by themselves, as `--gd2po.tau 0.5`.
        judge: the judge of every head that asks one, unless the head has its own.
    """

    rewards: str = "qa,cov,fluency"
    weights: Mapping[str, float] = field(default_factory=dict)
    normalizer: str = "gdpo"
    gate: str = "zero"
    gate_heads: str | None = None
    gate_low: float = 0.5
    gate_high: float = 2.0
    length_unit: Literal["words", "tokens", "chars"] = "words"
    methods: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict, metadata={"spread": True}
    )
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def __post_init__(self) -> None:
        place_of(NORMALIZER_KIND, self.normalizer)
        place_of(GATE_KIND, self.gate)
        at_least("gate_low", self.gate_low, 0.0)
        if not self.gate_low < self.gate_high:
            raise UserError(
                f"gate_low is {self.gate_low} and gate_high {self.gate_high}; "
                "the band needs gate_low < gate_high"
            )


def gated_heads(gate_heads: str | None, trained: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the gated heads: those given, or fluency where it is trained.

    Raises:
        UserError: if a given head is not trained.
    """
    names = list(trained)
    if gate_heads is None:
        return ("fluency",) if "fluency" in names else ()
    gated = [name.strip() for name in gate_heads.split(",") if name.strip()]
    for name in gated:
        if name not in names:
            raise not_selected(f"gate_heads names {name!r}", name, names)
    return tuple(gated)
