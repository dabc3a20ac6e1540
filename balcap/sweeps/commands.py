"""Which command is a run of a sweep? wandb's macros, filled in as its agent does."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from balcap.atomic import atomic_write
from balcap.cores import cores
from balcap.errors import UserError
from balcap.policies.threads import SHARED

DEFAULT_COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")
ARGS_FILE = "args.json"
_ENVIRONMENT = re.compile(r"\$\{envvar:([A-Z0-9_]*)\}")


def expand(
    command: Sequence[str], program: str, values: Mapping[str, Any], run: Path | None = None
) -> list[str]:
    """Return the words of a command.

    Args:
        command: words, some of them macros: `${args}` is `--name=value` for each parameter.
        program: what `${program}` stands for.
        values: of the parameters.
        run: folder of the run, where the file of `${args_json_file}` lies.

    Returns:
        As wandb's agent would run it.
    """
    words: list[str] = []
    macros = _macros(program, values) | {"args_json_file": [str((run or Path()) / ARGS_FILE)]}
    for word in command:
        word = _ENVIRONMENT.sub(lambda found: os.environ.get(found[1], found[1]), word)
        if word.startswith("${") and word.endswith("}"):
            words += macros.get(word[2:-1], [])
        else:
            words.append(word)
    return words


def start(command: Sequence[str], program: str, values: Mapping[str, Any], run: Path) -> list[str]:
    """The command of a run that writes into the folder `run`."""
    return [*expand(command, program, values, run), f"--run={run}"]


def write_args_file(command: Sequence[str], values: Mapping[str, Any], run: Path) -> None:
    """Write the values into the run's folder, where the command asks for `${args_json_file}`."""
    if "${args_json_file}" in command:
        run.mkdir(parents=True, exist_ok=True)
        whole = {name: _whole(value) for name, value in values.items()}
        with atomic_write(run / ARGS_FILE) as file:
            file.write(json.dumps(whole).encode())


def resume(command: Sequence[str], run: Path) -> list[str] | None:
    """The command that continues a run, or None if the command is not `balcap train`.

    What stands after `train` is settings, and a resumed run has its own.
    """
    if "train" not in command:
        return None
    launcher = command[: command.index("train") + 1]
    return [*expand(launcher, "", {}), f"--resume={run}"]


def asks_for_wandb(words: Sequence[str]) -> bool:
    """Whether a run logs to wandb."""
    return any(word.lower() in ("--wandb", "--wandb=true") for word in words)


def wandb_variables(name: str) -> dict[str, str]:
    """What wandb is told in every run of a sweep: one group, and no server unless asked for."""
    return {"WANDB_RUN_GROUP": name, "WANDB_MODE": os.environ.get("WANDB_MODE", "offline")}


def environment(jobs: int, share: int) -> dict[str, str]:
    """The environment of the run that has the given share of the machine, of `jobs` shares.

    `balcap` and `python` are those that run the sweep. Processors and GPUs are shared evenly: the
    threads of several runs on the same processors would only wait for each other.
    """
    ours = dict(os.environ)
    ours["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), ours.get("PATH", "")))
    if "OMP_NUM_THREADS" not in ours:
        ours |= {"OMP_NUM_THREADS": str(max(1, cores() // jobs)), SHARED: "1"}
    gpus = [gpu for gpu in ours.get("CUDA_VISIBLE_DEVICES", "").split(",") if gpu]
    if len(gpus) > 1:
        ours["CUDA_VISIBLE_DEVICES"] = ",".join(gpus[share::jobs] or [gpus[share % len(gpus)]])
    return ours


def not_startable(words: Sequence[str], error: OSError) -> UserError:
    """The error for a command whose program is not there."""
    return UserError(
        f"cannot start {words[0]!r}: {error.strerror}; the sweep file's command begins with it"
    )


def _macros(program: str, values: Mapping[str, Any]) -> dict[str, list[str]]:
    """wandb's macros but `${args_json_file}`, which needs a place."""
    values = {name: _whole(value) for name, value in values.items()}
    pairs = [f"{name}={value}" for name, value in values.items()]
    return {
        "env": ["/usr/bin/env"],
        "interpreter": ["python"],
        "program": [program],
        "args": [f"--{pair}" for pair in pairs],
        "args_no_equals": [w for name, value in values.items() for w in (f"--{name}", str(value))],
        "args_no_hyphens": pairs,
        "args_no_boolean_flags": [
            f"--{name}" if value is True else f"--{name}={value}"
            for name, value in values.items()
            if value is not False
        ],
        "args_json": [json.dumps(values)],
        "args_append_hydra": [f"+{pair}" for pair in pairs],
        "args_override_hydra": [f"++{pair}" for pair in pairs],
    }


def _whole(value: Any) -> Any:
    """A whole number without its `.0`, which wandb's server drops."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


MACROS = (*_macros("", {}), "args_json_file")
"""Names of wandb's macros, beside `${envvar:NAME}`."""
