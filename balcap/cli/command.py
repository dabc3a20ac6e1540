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
        examples: command lines, one per line, for the end of the help.
        trl_config: TRL's class that `--trl.FIELD` fills in, where the settings have `trl`.
    """

    name: str
    summary: str
    settings: type
    function: str
    examples: str = ""
    trl_config: str | None = None

    def has(self, setting: str) -> bool:
        """Whether the command has a setting of that name."""
        return setting in {item.name for item in fields(self.settings)}

    def load(self) -> Callable[..., int]:
        """Import the function."""
        module, _, name = self.function.partition(":")
        loaded: Any = getattr(import_module(module), name)
        return loaded  # type: ignore[no-any-return]
