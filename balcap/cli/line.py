"""What is written on the command line?

Three forms: `--name value`, `--name=value`, and `--name` alone for a switch. Dashes and underscores
in a name are the same: wandb passes `--group_size=8`. Every other word belongs to the settings
that are given without a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from balcap.cli.options import Option
from balcap.errors import UserError


@dataclass(frozen=True)
class Word:
    """One piece of a command line.

    Attributes:
        name: of the setting, with underscores; empty for a word of its own.
        value: what follows the name; None if nothing does.
        joined: whether it was written `--name=value`.
    """

    name: str
    value: str | None
    joined: bool = False


def scan(words: Sequence[str]) -> list[Word]:
    """Split a command line, before it is known which options there are."""
    result = []
    rest = list(words)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--"):
            result.append(Word("", name + equals + value))
            continue
        follows = rest.pop(0) if not equals and rest and not rest[0].startswith("--") else None
        name = name[2:].replace("-", "_")
        result.append(Word(name, value if equals else follows, joined=bool(equals)))
    return result


def values_of(words: Sequence[Word], name: str) -> list[str]:
    """Return every value that an option is given, in order. UserError where one is missing."""
    values = []
    for word in words:
        if word.name == name:
            if word.value is None:
                raise needs_value(name)
            values.append(word.value)
    return values


def assign(words: Sequence[Word], options: Mapping[str, Option]) -> dict[str, Any]:
    """Return what is given, as text, by the names of the settings; the last one wins, but a list
    that adds up holds all: `--against A --against B`.

    A name that is no option is returned too, and an option without a value as None: what is wrong
    with them is for the caller to say.

    Raises:
        UserError: for a word that belongs to no setting.
    """
    given: dict[str, Any] = {}
    alone: list[str] = []
    for word in words:
        option = options.get(word.name)
        switched_on = option is not None and option.is_switch and not word.joined
        if not word.name:
            alone.append(word.value or "")
        elif switched_on and word.value not in SWITCH_VALUES:
            given[word.name] = "true"
            alone += [word.value] if word.value is not None else []
        elif option is not None and option.adds_up and given.get(word.name) and word.value:
            given[word.name] += f",{word.value}"
        else:
            given[word.name] = word.value
    return given | _by_place(alone, options)


def needs_value(name: str) -> UserError:
    """Return the error for an option that stands alone."""
    return UserError(f"--{name.replace('_', '-')} needs a value")


SWITCH_VALUES = ("true", "false", "True", "False", "null", "None")
"""What may follow a switch as its value; any other word is not its own."""


def _by_place(alone: list[str], options: Mapping[str, Option]) -> dict[str, Any]:
    """Give the words that follow no name to the setting that is meant by its place."""
    place = next((option for option in options.values() if option.positional), None)
    room = 0 if place is None else len(alone) if place.is_list else 1
    unexpected = [word for word in alone if word.startswith("-")] + alone[room:]
    if unexpected:
        raise UserError(
            f"unexpected {unexpected[0]!r}; a setting is written --name value, and a list without "
            "blanks: qa,cov"
        )
    if place is None or not alone:
        return {}
    return {place.name: alone if place.is_list else alone[0]}
