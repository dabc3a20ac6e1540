"""The settings of `balcap eval correlate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from balcap.config.checks import at_least
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class CorrelateSettings:
    """Which metric, and which ranking of the same models it is held against.

    Attributes:
        table: scores of models: CSV with a row a model; JSON `{model: score}`,
            `{model: {column: score}}` or a list of rows.
        metric: column of the metric; default: the only column of numbers.
        reference: column of the ranking to agree with, such as people's; `published:PROTOCOL` takes
            the scores that balcap knows from papers and leaderboards, by the models' names.
        model: column of the models' names; default: `model` or `name`.
        out: file for the result, .json.
        seed: of the bootstrap.
    """

    table: Path | None = field(default=None, metadata={"positional": "TABLE"})
    metric: str = ""
    reference: str = "published:caparena"
    model: str = ""
    out: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.table is None:
            raise UserError("no table; name one: balcap eval correlate scores.json")
        if self.table.suffix not in (".json", ".csv"):
            raise UserError(f"table is {str(self.table)!r}; its name must end in .json or .csv")
        if self.out is not None and self.out.suffix != ".json":
            raise UserError(f"out is {str(self.out)!r}; its name must end in .json")
        at_least("seed", self.seed, 0)
