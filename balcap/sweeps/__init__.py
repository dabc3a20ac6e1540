"""`balcap sweep`: the runs of a wandb sweep file, without wandb's server."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from balcap.config.sweep import SweepSettings
from balcap.console import say
from balcap.errors import UserError
from balcap.sweeps import commands
from balcap.sweeps.file import Sweep, read
from balcap.sweeps.folder import Slot, claim, lock, slots
from balcap.sweeps.results import trial
from balcap.sweeps.running import Runner, command_of
from balcap.sweeps.search import Values, corners, enumerate_runs, how_many, suggest

INTERRUPTED = 130


Check = Callable[[Sequence[str]], None]
"""Raises UserError for the words of a command that cannot run."""


def run(settings: SweepSettings, check: Check) -> int:
    """Run a sweep, or print its plan.

    Args:
        settings: the file, the folder, and how many runs.
        check: is shown the command of every run before the first one starts; of a search, whose
            later runs nobody knows yet, the commands at the ends of each parameter's range.

    Returns:
        Exit code: 0; 1 if a run failed; 130 after Ctrl-C.

    Raises:
        UserError: if the file is not a sweep, or its folder is another sweep's or in use.
    """
    sweep = read(settings.file)
    known = enumerate_runs(sweep, settings.runs, settings.seed)
    _check_cells(sweep, known or corners(sweep), check)
    places = slots(settings.folder, how_many(sweep, settings.runs))
    if settings.plan:
        return _plan(sweep, known, places)
    held = lock(settings.folder)
    if held is None:
        raise UserError(
            f"another balcap sweep works in {settings.folder}; stop it, or name a --dir of your own"
        )
    try:
        claim(settings.folder, sweep, settings.seed)
        return _run(sweep, settings, known, places)
    finally:
        os.close(held)


def _check_cells(sweep: Sweep, cells: Sequence[Values], check: Check) -> None:
    """Raise UserError for the first run whose settings would be refused."""
    for values in cells:
        try:
            check(commands.expand(_without_files(sweep.command), sweep.program, values))
        except UserError as error:
            varying = {p.name for p in sweep.parameters if not p.is_constant}
            shown = "  ".join(f"{n}={v}" for n, v in values.items() if n in varying)
            raise UserError(f"the run with {shown or 'these settings'}: {error}") from error


def _without_files(command: Sequence[str]) -> Sequence[str]:
    """A command to be parsed now: what `${args_json_file}` will hold, in words."""
    if "${args_json_file}" not in command:
        return command
    place = list(command).index("${args_json_file}")
    return [*command[: place - 1], "${args}", *command[place + 1 :]]


def _run(
    sweep: Sweep, settings: SweepSettings, known: Sequence[Values], places: Sequence[Slot]
) -> int:
    """Run what is missing; `known` are the values of every run, or none where they are searched."""

    def values_of(slot: Slot) -> Mapping[str, Any]:
        if known:
            return known[slot.number - 1]
        jobs = [(other, other.read_job()) for other in places]
        trials = [trial(other, job, sweep.metrics) for other, job in jobs if "values" in job]
        return suggest(sweep, trials, settings.seed)

    runner = Runner(sweep, places, values_of, settings.jobs)
    say(f"sweep {sweep.name}: {len(places)} runs in {settings.folder}")
    if sweep.imputes:
        say("note     `impute` is not followed here: a run that failed is left out of the search")
    runner.run()
    return _close(runner, settings)


def _close(runner: Runner, settings: SweepSettings) -> int:
    finished = sum(slot.is_finished() for slot in runner.slots)
    say(f"\n{finished} of {len(runner.slots)} runs finished, {len(runner.failed)} failed")
    for slot in runner.failed:
        say(f"  {slot.output}")
    if finished:
        say(f"table    balcap sweep show {settings.folder}")
    if finished < len(runner.slots) and not runner.reached_target:
        say("resume   the same command again: finished runs stay as they are")
    if runner.asked_to_stop:
        return INTERRUPTED
    return 1 if runner.failed else 0


def _plan(sweep: Sweep, known: Sequence[Values], places: Sequence[Slot]) -> int:
    """Print the commands of the runs that are missing, for a shell."""
    if sweep.searches:
        raise UserError(
            f"method {sweep.method} cannot be planned: its later runs depend on the results of the "
            "earlier ones"
        )
    for slot, values in zip(places, known, strict=True):
        if slot.is_finished():
            continue
        words, continues = command_of(sweep, slot, values)
        commands.write_args_file(sweep.command, values, slot.path)
        if commands.asks_for_wandb(commands.expand(sweep.command, "", values)):
            pairs = [f"{name}={v}" for name, v in commands.wandb_variables(sweep.name).items()]
            words = ["/usr/bin/env", *pairs, *words]
        begun = slot.run.exists() and not continues
        say((f"rm -r {shlex.quote(str(slot.path))} && " if begun else "") + shlex.join(words))
    return 0
