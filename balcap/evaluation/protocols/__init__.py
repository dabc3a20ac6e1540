"""The field's protocols, one folder each, and where the command of each one is.

What a protocol needs is imported only when it is used: some need packages that are not always
installed.
"""

from __future__ import annotations

from balcap.config.command import Command, imported
from balcap.plugins import Kind, place_of

_HERE = "balcap.evaluation.protocols"

PROTOCOLS = {
    "captionqa": f"{_HERE}.captionqa.command:COMMAND",
    "bcapscore": f"{_HERE}.bcapscore.command:COMMAND",
    "dcscore": f"{_HERE}.dcscore.command:COMMAND",
    "caparena": f"{_HERE}.caparena.command:COMMAND",
    "winrate": f"{_HERE}.winrate.command:COMMAND",
    "prism": f"{_HERE}.prism.command:COMMAND",
    "classical": f"{_HERE}.classical.command:COMMAND",
    "general": f"{_HERE}.general.command:COMMAND",
    "grounding": f"{_HERE}.grounding.command:COMMAND",
}
"""By the name of `balcap eval NAME`."""

PROTOCOL_KIND = Kind("protocol", "balcap.protocols", "balcap.config.Command", PROTOCOLS)
"""Another package offers its own under these entry points, as `NAME = my_module:COMMAND`."""


def command_of(name: str) -> Command:
    """The command `eval NAME`. Raises UserError if there is no such protocol."""
    command: Command = imported(place_of(PROTOCOL_KIND, name))
    return command
