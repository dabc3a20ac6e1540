"""The command line: words -> frozen settings -> one call. Heavy imports come after the parsing."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

import balcap
from balcap.cli.commands import COMMANDS
from balcap.cli.help import help_of, overview, overview_of
from balcap.cli.parser import all_options, parse
from balcap.cli.pipe import READER_GONE, reader_is_gone
from balcap.cores import wait_passively
from balcap.errors import JudgeGoneError, RunError, UserError, did_you_mean
from balcap.heads import dump

__all__ = ["COMMANDS", "main"]

HELP = ("-h", "--help")
VERSION = ("-V", "--version")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    - 0: success; also of `balcap serve` that SIGTERM ended, once all was answered.
    - 1: environment failure, such as a full disk; what was computed is kept. Also the answer "no"
      of a command that tests something, such as `balcap probe`.
    - 2: a mistake of the user's, such as a misspelt setting; one message says how to fix it.
    - 3: a judge stopped answering; the same run can be resumed once it is back.
    - 130: interrupted by Ctrl-C; 143: by SIGTERM. A training leaves a checkpoint first.
    - 141: nobody reads the output any more. What is to leave files, such as a training, goes on.
    """
    wait_passively()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _exit_code(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        if not reader_is_gone():
            raise
        return READER_GONE


def _exit_code(words: list[str]) -> int:
    """Run one command line; what went wrong is told on stderr."""
    name = _named(words)
    program = f"balcap {name}" if name in COMMANDS else "balcap"
    try:
        return _run(words)
    except (UserError, RunError) as error:
        code = 2 if isinstance(error, UserError) else 3 if isinstance(error, JudgeGoneError) else 1
        return code if error.told else _tell(program, str(error), code)
    except KeyboardInterrupt:
        return _tell(program, "interrupted", 130)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return _tell(program, f"no space left to write {error.filename or 'to the disk'}", 1)


def _run(words: list[str]) -> int:
    if not words or words[0] in HELP:
        print(overview(COMMANDS.listed()))
        return 0
    if words[0] in VERSION:
        print(f"balcap {balcap.__version__}")
        return 0
    name = _named(words)
    rest = words[max(1, len(name.split())) :]
    if name not in COMMANDS:
        return _one_of_several(name, rest)
    command = COMMANDS[name]
    if any(word in HELP for word in rest):
        print(help_of(command, all_options(command, rest)))
        return 0
    parsed = parse(command, rest)
    if parsed.print_config:
        print(dump(parsed.settings, parsed.heads), end="")
        return 0
    return command.load()(*parsed.arguments)


def _one_of_several(name: str, rest: list[str]) -> int:
    """Show the commands that begin with this word; whatever else follows it is a mistake."""
    inside = [each.removeprefix(f"{name} ") for each in COMMANDS if each.startswith(f"{name} ")]
    if inside and (not rest or rest[0] in HELP):
        print(overview_of(name, COMMANDS.listed(name)))
        return 0
    if inside:
        hint = did_you_mean(rest[0], inside)
        raise UserError(f"no `{name} {rest[0]}`; have {', '.join(sorted(inside))}{hint}")
    raise UserError(
        f"no command {name!r}; have {', '.join(COMMANDS)}{did_you_mean(name, COMMANDS)}"
    )


def _named(words: list[str]) -> str:
    """The command that is meant: its name is the first word, or the first two (`runs show`)."""
    pair = " ".join(words[:2])
    return pair if pair in COMMANDS else "".join(words[:1])


def _tell(program: str, message: str, code: int) -> int:
    print(f"{program}: error: {message}", file=sys.stderr)
    return code
