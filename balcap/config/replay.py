"""The settings of `balcap replay`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from balcap.config.checks import NOT_GIVEN, at_least, must_be_given
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class ReplaySettings:
    """Which run, and what is to be different. What is not given is as in the run.

    Attributes:
        run: folder of the run.
        weights: weights by head name, in place of the run's own: `--weights.cov 0.5`; 0 leaves a
            head out, as if it had not been there.
        only: heads to use, comma separated, each with an optional weight: `qa=1,cov`. Every other
            head is left out. Default: all.
        normalizer: any that `balcap train` takes.
        gate: `zero`, `exclude`, `post`, `penalty` or `none`.
        gate_heads: the gated heads, comma separated.
        gate_low: lowest length, as a ratio to the reference's.
        gate_high: highest length, as a ratio to the reference's.
        methods: settings of the normaliser and of the gate, by their names.
        show: how many of the captions that change most are printed.
        out: file for both advantages of every caption, .parquet.
    """

    run: Path = field(default=NOT_GIVEN, metadata={"positional": "RUN"})
    weights: Mapping[str, float] = field(default_factory=dict)
    only: str | None = None
    normalizer: str | None = None
    gate: str | None = None
    gate_heads: str | None = None
    gate_low: float | None = None
    gate_high: float | None = None
    methods: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict, metadata={"spread": True}
    )
    show: int = 10
    out: Path | None = None

    def __post_init__(self) -> None:
        must_be_given(self.run, "no run to replay; name its folder: balcap replay runs/NAME")
        at_least("show", self.show, 0)
        if self.out is not None and self.out.suffix != ".parquet":
            raise UserError(f"out is {str(self.out)!r}; its name must end in .parquet")

    @property
    def changes(self) -> dict[str, Any]:
        """The settings of the reward that are given, but for the weights."""
        names = ("methods", "normalizer", "gate", "gate_heads", "gate_low", "gate_high")
        given = {name: getattr(self, name) for name in names}
        return {name: value for name, value in given.items() if value is not None}
