"""By which settings does an engine's plugin score? Those of the file that `BALCAP_CONFIG` names."""

from __future__ import annotations

import os
from pathlib import Path

from balcap.cli import COMMANDS
from balcap.cli.parser import parse
from balcap.config import TrainSettings
from balcap.errors import UserError
from balcap.heads import Selected

VARIABLE = "BALCAP_CONFIG"


def named(file: str | Path | None = None) -> str | Path:
    """The file of settings: the one given, or the one that `BALCAP_CONFIG` names.

    Raises:
        UserError: if there is neither.
    """
    file = file or os.environ.get(VARIABLE)
    if not file:
        raise UserError(f"{VARIABLE} is not set; name your settings: export {VARIABLE}=heads.yaml")
    return file


def read(file: str | Path) -> tuple[TrainSettings, Selected]:
    """Settings and heads of a file, as `balcap train --config` reads it. No model is loaded.

    Raises:
        UserError: if the file cannot be read, or says what is not allowed.
    """
    parsed = parse(COMMANDS["train"], [f"--config={file}"])
    assert parsed.heads is not None  # `train` always has heads
    return parsed.settings, parsed.heads
