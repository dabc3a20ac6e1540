"""`balcap sweep`, with every cell's settings checked before the first run starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from balcap import sweeps
from balcap.cli.commands import COMMANDS
from balcap.cli.parser import parse
from balcap.config import SweepSettings


def run(settings: SweepSettings) -> int:
    """Run a sweep; returns the exit code. Raises UserError as `balcap.sweeps.run` does."""
    return sweeps.run(settings, check_command)


def check_command(words: Sequence[str]) -> None:
    """Parse the command of a run as it will be parsed, if it is one of balcap's own.

    Raises:
        UserError: for a setting that the run would refuse.
    """
    for place, word in enumerate(words[:-1]):
        if Path(word).name == "balcap" and words[place + 1] in COMMANDS:
            parse(COMMANDS[words[place + 1]], words[place + 2 :])
            return
