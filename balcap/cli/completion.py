"""`balcap completion SHELL`: a script by which the shell's Tab key knows commands and settings."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from balcap.cli import methods
from balcap.cli.options import Option
from balcap.cli.parser import all_options
from balcap.cli.values import literals
from balcap.config.command import Command
from balcap.heads import installed

GENERAL = ("--help", "--config", "--print-config")


@dataclass(frozen=True, kw_only=True)
class CompletionSettings:
    """For which shell?

    Attributes:
        shell: `bash`, `zsh` or `fish`.
    """

    shell: Literal["bash", "zsh", "fish"] = field(
        default="bash", metadata={"positional": "bash|zsh|fish"}
    )


def run(settings: CompletionSettings) -> int:
    """Print the script. Settings of heads and methods are those of the selected ones by default."""
    from balcap.cli.commands import COMMANDS

    commands = list(COMMANDS.listed())
    script = fish(commands) if settings.shell == "fish" else bash(commands)
    if settings.shell == "zsh":
        script = f"autoload -U +X bashcompinit && bashcompinit\n{script}"
    print(script)
    return 0


def bash(commands: Iterable[Command]) -> str:
    """The script for bash, which zsh understands too."""
    commands = list(commands)
    options, values = [], []
    for command in commands:
        own = list(all_options(command, ()).values())
        flags = " ".join([*(option.flag for option in own), *GENERAL])
        options.append(f"    {shlex.quote(command.name)}) words={shlex.quote(flags)} ;;")
        for option in own:
            if words := _words(option):
                called = shlex.quote(f"{command.name} {option.flag}")
                values.append(f"    {called}) words={shlex.quote(' '.join(words))} ;;")
    names = [command.name for command in commands]
    first = " ".join(dict.fromkeys(name.split()[0] for name in names))
    second = [
        f"    {start}) words={shlex.quote(' '.join(inside))} ;;"
        for start, inside in _second_words(names)
    ]
    return "\n".join([
        "# Tab completion of balcap; for this shell: source <(balcap completion bash)",
        "_balcap() {",
        '  local now="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" words=""',
        '  local name="${COMP_WORDS[1]}" pair="${COMP_WORDS[1]} ${COMP_WORDS[2]}"',
        f'  case "|{"|".join(names)}|" in *"|$pair|"*) name="$pair" ;; esac',
        '  if [ "$COMP_CWORD" -eq 1 ]; then',
        f"    words={shlex.quote(first)}",
        '  elif [ "${now#-}" != "$now" ]; then case "$name" in',
        *options,
        '  esac; elif [ "$COMP_CWORD" -eq 2 ]; then case "$before" in',
        *second,
        '  esac; else case "$name $before" in',
        *values,
        "  esac; fi",
        '  COMPREPLY=($(compgen -W "$words" -- "$now"))',
        "}",
        "complete -o default -F _balcap balcap",
    ])  # fmt: skip


def fish(commands: Iterable[Command]) -> str:
    """The script for fish."""
    commands = list(commands)
    lines = ["# Tab completion of balcap; for this shell: balcap completion fish | source"]
    firsts = {command.name.split()[0]: command for command in reversed(commands)}
    for first, command in reversed(firsts.items()):
        told = command.summary if command.name == first else f"{first} ..."
        lines.append(_fish("__fish_use_subcommand", f"-f -a {first}", told))
    for start, inside in _second_words([command.name for command in commands]):
        at = f"test (count (commandline -opc)) -eq 2; and __fish_seen_subcommand_from {start}"
        lines.append(_fish(at, f"-f -a {shlex.quote(' '.join(inside))}", start))
    for command in commands:
        typed = command.name.split()
        at = f'string match -q -- "balcap {command.name}*" (string join -- " " (commandline -opc))'
        if len(typed) == 1:
            at += "".join(
                f'; and not string match -q -- "balcap {other.name}*" '
                '(string join -- " " (commandline -opc))'
                for other in commands
                if other.name.startswith(f"{command.name} ")
            )
        for option in all_options(command, ()).values():
            words = _words(option)
            choice = f"-x -a {shlex.quote(' '.join(words))}" if words else "-r"
            kind = "" if option.is_switch else f" {choice}"
            lines.append(_fish(at, f"-l {option.flag[2:]}{kind}", option.help))
    return "\n".join(lines)


def _fish(condition: str, what: str, told: str) -> str:
    return f"complete -c balcap -n {shlex.quote(condition)} {what} -d {shlex.quote(told[:60])}"


def _words(option: Option) -> list[str]:
    """What may follow an option, where that is one of a few words."""
    if option.name in methods.KINDS:
        return list(methods.KINDS[option.name].offered())
    if option.name in ("rewards", "eval_rewards"):
        return list(installed())
    return ["true", "false"] if option.is_switch else [str(word) for word in literals(option.kind)]


def _second_words(names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for name in names:
        first, _, rest = name.partition(" ")
        if rest:
            found.setdefault(first, []).append(rest)
    yield from found.items()
