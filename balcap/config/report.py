"""The settings of `balcap report`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from balcap.config.checks import NOT_GIVEN, at_least, must_be_given
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """What is shown, and where the page goes.

    Attributes:
        folder: a run, or a folder that holds runs at any depth, such as a sweep's.
        out: the page, .html; default: `report.html` in the folder.
        captions: number of held-out samples whose captions are shown for each run, before and
            after.
    """

    folder: Path = field(default=NOT_GIVEN, metadata={"positional": "RUN_OR_SWEEP"})
    out: Path | None = None
    captions: int = 12

    def __post_init__(self) -> None:
        must_be_given(
            self.folder, "nothing to report; name a run or a sweep: balcap report runs/NAME"
        )
        at_least("captions", self.captions, 0)
        if self.out is not None and self.out.suffix not in (".html", ".htm"):
            raise UserError(f"out is {str(self.out)!r}; its name must end in .html")

    @property
    def page(self) -> Path:
        """Where the page goes."""
        return self.out or self.folder / "report.html"
