"""The settings of `balcap score`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from balcap.config.checks import NOT_GIVEN, must_be_given
from balcap.config.data import DataSettings
from balcap.config.engine import EngineSettings
from balcap.config.reward import RewardSettings
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class ScoreSettings(EngineSettings, RewardSettings, DataSettings):
    """Which captions are scored, and where the scores go.

    Attributes:
        captions: file of captions: JSON `{id: caption}`, or JSONL or Parquet with `id` and
            `caption`; the ids are those of the samples in `data`.
        out: file for the scores, .jsonl or .parquet; default: only the means, on the screen.
    """

    captions: Path = field(default=NOT_GIVEN, metadata={"positional": "FILE"})
    out: Path | None = None

    def __post_init__(self) -> None:
        DataSettings.__post_init__(self)
        RewardSettings.__post_init__(self)
        EngineSettings.__post_init__(self)
        must_be_given(self.captions, "no file of captions; write one: balcap score captions.json")
        if self.out is not None and self.out.suffix not in (".jsonl", ".parquet"):
            raise UserError(f"out is {str(self.out)!r}; its name must end in .jsonl or .parquet")
