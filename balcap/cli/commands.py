"""Which commands are there?"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from balcap.cli.own_commands import OWN
from balcap.config import Command
from balcap.config.command import imported
from balcap.errors import UserError
from balcap.evaluation.protocols import PROTOCOL_KIND
from balcap.plugins import Kind, place_of

COMMAND_KIND = Kind("command", "balcap.commands", "balcap.config.Command")
"""Another package offers commands under these entry points, as `NAME = my_module:COMMAND`."""


class Commands(Mapping[str, Command]):
    """Every command by its name. Names are known from the metadata of packages; what a protocol or
    another package is made of is imported when its command is asked for."""

    def __init__(self) -> None:
        self._own = {command.name: command for command in OWN}
        self._kinds = {f"eval {name}": (PROTOCOL_KIND, name) for name in PROTOCOL_KIND.offered()}
        others = {name: (COMMAND_KIND, name) for name in COMMAND_KIND.offered()}
        self._kinds |= {name: pair for name, pair in others.items() if name not in self._own}

    def __getitem__(self, name: str) -> Command:
        if name in self._own:
            return self._own[name]
        place = place_of(*self._kinds[name])
        try:
            command = imported(place)
        except Exception as error:  # whatever somebody else's module does when it is imported
            raise UserError(
                f"the command {name!r} cannot be loaded from {place} "
                f"({type(error).__name__}: {error}); mend or uninstall the package that offers it"
            ) from error
        if not isinstance(command, Command) or command.name != name:
            raise UserError(f"{place} is not a Command of the name {name!r}, as its package says")
        return command

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._kinds

    def __iter__(self) -> Iterator[str]:
        for name in self._own:
            yield name
            if name == "score":  # what follows it are evaluations
                yield from self._kinds

    def __len__(self) -> int:
        return len(self._own) + len(self._kinds)

    def listed(self, first: str = "") -> Iterator[Command]:
        """Those whose first word is this one, or all. One that cannot be loaded is named on stderr,
        and left out."""
        for name in self:
            if not first or name.startswith(f"{first} "):
                try:
                    yield self[name]
                except UserError as error:
                    print(f"warning: {error}", file=sys.stderr)


COMMANDS = Commands()
