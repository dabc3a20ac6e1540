"""The settings of what compares evaluations, and rankings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from balcap.config.checks import NOT_GIVEN, at_least, must_be_given
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """Which evaluations are compared.

    Attributes:
        evaluations: folders of evaluations, or their `summary.json`; the first of a protocol is
            what the others of that protocol are compared with.
        with_published: add the papers' own numbers, marked as theirs.
        out: file for the table, .md or .csv.
        seed: of the bootstrap.
    """

    evaluations: tuple[Path, ...] = field(default=(), metadata={"positional": "EVALUATION"})
    with_published: bool = False
    out: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.evaluations:
            raise UserError(
                "no evaluations; name their folders: balcap eval compare runs/eval/a runs/eval/b"
            )
        if self.out is not None and self.out.suffix not in (".md", ".csv"):
            raise UserError(f"out is {str(self.out)!r}; its name must end in .md or .csv")


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

    table: Path = field(default=NOT_GIVEN, metadata={"positional": "TABLE"})
    metric: str = ""
    reference: str = "published:caparena"
    model: str = ""
    out: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        must_be_given(self.table, "no table; name one: balcap eval correlate scores.json")
        if self.table.suffix not in (".json", ".csv"):
            raise UserError(f"table is {str(self.table)!r}; its name must end in .json or .csv")
        if self.out is not None and self.out.suffix != ".json":
            raise UserError(f"out is {str(self.out)!r}; its name must end in .json")
        at_least("seed", self.seed, 0)
