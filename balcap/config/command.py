"""What is a command of balcap?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Command:
    """One command: its settings, and the function that is called with them.

    Attributes:
        name: as it is typed.
        summary: one line for the list of commands.
        settings: a frozen data class whose docstring is the help.
        function: `module:function`, imported after the settings are known to be good. Called with
            the settings, and with the heads where the settings have `rewards`; returns the exit
            code.
        protocol: `module:Class`, of the evaluation of a protocol.
        examples: command lines, one per line, for the end of the help.
        trl_config: TRL's class that `--trl.FIELD` fills in, where the settings have `trl`.
    """

    name: str
    summary: str
    settings: type
    function: str
    protocol: str = ""
    examples: str = ""
    trl_config: str | None = None

    def has(self, setting: str) -> bool:
        """Whether the command has a setting of that name."""
        return setting in {item.name for item in fields(self.settings)}

    def load(self) -> Callable[..., int]:
        """Import the function."""
        loaded: Callable[..., int] = imported(self.function)
        return loaded


def imported(place: str) -> Any:
    """What stands at `module:name`."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
