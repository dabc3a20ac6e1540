"""How does help look?"""

from __future__ import annotations

import re
import shutil
import textwrap
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from balcap.cli.options import Option
from balcap.cli.values import is_open, literals
from balcap.config import JudgeSettings
from balcap.config.command import Command
from balcap.console import READABLE

_COLUMN = 30
_MARKS: dict[Any, str] = {int: "N", float: "X", Path: "PATH", bool: "true|false"}

_PRESETS_NOTE = (
    "Some defaults depend on the policy: tiny (ships with balcap), full, or lora (with adapters)."
)
_GENERAL = (
    ("--config FILE", "YAML file of settings; may be given again: a later file counts over an "
     "earlier one, an option over every file"),
    ("--print-config", "print every setting as YAML, ready for --config, and stop"),
    ("-h, --help", "print this"),
)  # fmt: skip


def overview(commands: Iterable[Command]) -> str:
    """Return what `balcap` alone prints."""
    lines = [
        "usage: balcap COMMAND [--SETTING VALUE ...]",
        "",
        "Train image captioners by reinforcement learning with several rewards at once.",
        "",
        "Commands",
        *rows((command.name, command.summary) for command in commands),
        "",
        "Begin with",
        "  balcap train --dry-run           check that everything is there",
        "  balcap train                     train the tiny policy on the built-in world",
        "  balcap train --help              every setting, with its default",
        "",
        "balcap -V, balcap --version: the version",
    ]
    return "\n".join(lines)


def overview_of(name: str, commands: Iterable[Command]) -> str:
    """Return what the first word of several commands prints alone, such as `balcap eval`."""
    lines = [
        f"usage: balcap {name} WHICH [--SETTING VALUE ...]",
        "",
        *rows((command.name, command.summary) for command in commands),
        "",
        f"balcap {name} WHICH --help lists its settings.",
    ]
    return "\n".join(lines)


def help_of(command: Command, options: Mapping[str, Option]) -> str:
    """Return the help of one command."""
    by_place = " ".join(_mark(option) for option in options.values() if option.positional)
    usage = f"usage: balcap {command.name} {by_place} [--SETTING VALUE ...]".replace("  ", " ")
    summary = command.summary + ("" if command.summary.endswith("?") else ".")
    lines = [*paragraph(usage, "    "), "", *paragraph(summary)]
    if hasattr(command.settings, "presets"):
        lines += paragraph(_PRESETS_NOTE)
    for group in dict.fromkeys(option.group for option in options.values()):
        inside = [option for option in options.values() if option.group == group]
        lines += ["", *paragraph(group), *rows(option_rows(inside))]
    lines += ["", "General", *rows(_GENERAL)]
    if command.examples:
        lines += ["", "Examples"]
        for line in command.examples.strip().splitlines():
            lines += _example(line)
    return "\n".join(lines)


def option_rows(options: Iterable[Option]) -> Iterator[tuple[str, str]]:
    """Options with what is said of each; whom a single head asks, which is said like `--judge.*`,
    in one line, and so every judge of a command but its first."""
    first = ""
    groups: set[str] = set()
    for option in options:
        group = option.name.rpartition(".")[0]
        of_judge = option.owner is JudgeSettings
        if of_judge and "." not in group:
            first = first or group
        if not of_judge or group == first:
            yield label(option), option.help
        elif group not in groups:
            groups.add(group)
            flag = option.flag.rpartition(".")[0]
            whose = "this head" if "." in group else f"the {group}"
            yield f"{flag}.FIELD VALUE", f"as --{first or 'judge'}.FIELD, for {whose} alone"


def rows(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Lay out labels with their texts in two columns."""
    lines = []
    for label, text in pairs:
        indent = " " * _COLUMN
        wrapped = textwrap.wrap(text, width(), initial_indent=indent, subsequent_indent=indent)
        label = f"  {label}"
        if len(label) < _COLUMN - 1 and wrapped:
            wrapped[0] = label + wrapped[0][len(label) :]
        else:
            wrapped[:0] = _label(label)
        lines += wrapped
    return lines


def paragraph(text: str, hanging: str = "") -> list[str]:
    """The lines of a paragraph, all but the first one indented."""
    return textwrap.wrap(text, width(), subsequent_indent=hanging, break_on_hyphens=False)


def width() -> int:
    """Columns of a help page: the terminal's, from 60 to 100; 80 in a pipe."""
    return max(60, min(shutil.get_terminal_size().columns, READABLE))


def _label(label: str) -> list[str]:
    """A label in lines; one of many choices is broken between two of them."""
    lines, rest = [], label
    while len(rest) > width() and (place := rest.rfind("|", 0, width())) > 0:
        lines.append(rest[: place + 1])
        rest = " " * 6 + rest[place + 1 :]
    return [*lines, rest]


def _example(line: str) -> list[str]:
    """A command in lines that a shell takes for one: broken before an option where it is long."""
    lines: list[str] = []
    for part in re.split(r" (?=--)", f"  {line}"):
        if lines and len(lines[-1]) + len(part) + len("  \\") <= width():
            lines[-1] += f" {part}"
        else:
            lines.append(f"      {part}" if lines else part)
    return [f"{each} \\" for each in lines[:-1]] + lines[-1:]


def label(option: Option) -> str:
    """How an option is written, with what stands for its value."""
    if option.positional:
        return _mark(option)
    if option.name in ("trl", "weights"):
        return "--trl.FIELD VALUE" if option.name == "trl" else "--weights.HEAD X"
    return option.flag if option.kind is bool else f"{option.flag} {_mark(option)}"


def _mark(option: Option) -> str:
    """What stands for the value."""
    if option.positional:
        return f"{option.positional}..." if option.is_list else option.positional
    words = literals(option.kind)
    if words:
        return "|".join(str(word) for word in words)
    kinds = [kind for kind in get_args(option.kind) if kind is not types.NoneType]
    kind = kinds[0] if kinds and not option.is_list else option.kind
    return (
        "A,B"
        if get_origin(kind) in (list, tuple)
        else _MARKS.get(kind, "YAML" if is_open(kind) else "TEXT")
    )
