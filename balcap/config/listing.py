"""The settings of `balcap runs` and `balcap runs show`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from balcap.config.checks import NOT_GIVEN, at_least, must_be_given


@dataclass(frozen=True, kw_only=True)
class RunsSettings:
    """Which runs are listed.

    Attributes:
        folders: runs, or folders that hold runs at any depth.
    """

    folders: tuple[Path, ...] = field(default=(Path("runs"),), metadata={"positional": "FOLDER"})


@dataclass(frozen=True, kw_only=True)
class ShowSettings:
    """Which run is shown.

    Attributes:
        run: folder of the run.
        captions: held-out captions to print, after training and sampled, each with its scores and
            why they are what they are.
    """

    run: Path = field(default=NOT_GIVEN, metadata={"positional": "RUN"})
    captions: int = 0

    def __post_init__(self) -> None:
        must_be_given(self.run, "no run to show; name its folder: balcap runs show runs/NAME")
        at_least("captions", self.captions, 0)
