"""`balcap ablate`: what does each part of a balanced reward do? BalCapRL's ablations, in miniature.

    OUT/settings.json         what the runs depend on; a second start must agree with it
    OUT/balanced-seed-0/      a run's folder, as in a sweep (`balcap.sweeps.folder`)
    OUT/ablate.md, .json      what the finished runs say, written over by each start

An ablation is a list of cells, each trained with the same seeds; how runs are started, stopped and
taken up again is the sweep's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from balcap.config.ablate import AblateSettings
from balcap.console import say
from balcap.errors import UserError
from balcap.resumable import ResumableFolder
from balcap.sweeps import INTERRUPTED, Check, commands
from balcap.sweeps.ablation.cells import CELLS, COMMAND, Cell, Values, chosen, shared_values
from balcap.sweeps.ablation.claims import CLAIMS, judge
from balcap.sweeps.ablation.measures import scores_of
from balcap.sweeps.ablation.report import Results, as_json, as_markdown
from balcap.sweeps.file import Sweep
from balcap.sweeps.folder import Slot, lock
from balcap.sweeps.parameters import Parameter, read_parameter
from balcap.sweeps.running import Runner

SECONDS_A_RUN, SECONDS_A_STEP = 25.0, 1.1
"""Of one run of two at a time, without its steps and for each of them: for the estimate before the
first run has finished. Ours, on two cores of an AMD EPYC that had other work too; 0.8 s a step at
the least."""


@dataclass(frozen=True)
class Planned:
    """One training of the ablation.

    Attributes:
        cell: how.
        seed: of weights, data order and sampling.
        values: all of its settings.
        slot: its place.
    """

    cell: Cell
    seed: int
    values: Values
    slot: Slot


class AblationFolder(ResumableFolder):
    """The folder of an ablation."""

    noun = "ablation"
    kept = "what the runs left"


def run(settings: AblateSettings, check: Check) -> int:
    """Train every cell with every seed, and say what follows; or list them (`dry_run`).

    Args:
        settings: which cells and seeds, and where.
        check: is shown the command of every cell before the first run starts.

    Returns:
        Exit code: 0; 1 if a run failed; 130 after Ctrl-C.

    Raises:
        UserError: if there is no such cell, or the folder is another ablation's or in use.
    """
    plan = planned(settings)
    for one in plan:
        check(commands.expand(COMMAND, "", one.values))
    if settings.dry_run:
        return _list(settings, plan)
    held = lock(settings.out)
    if held is None:
        raise UserError(
            f"another balcap ablate works in {settings.out}; stop it, or name an --out of your own"
        )
    try:
        folder = AblationFolder(settings.out)
        folder.begin(_identity(settings))
        return _run(settings, plan, folder)
    finally:
        os.close(held)


def planned(settings: AblateSettings) -> list[Planned]:
    """Every run, seed by seed, so that what is stopped early has whole pairs."""
    shared = shared_values(settings)
    pairs = [(cell, seed) for seed in range(settings.seeds) for cell in chosen(settings.cells)]
    return [
        Planned(
            cell,
            seed,
            shared | cell.values | {"seed": seed},
            Slot(number, settings.out / f"{cell.name}-seed-{seed}"),
        )
        for number, (cell, seed) in enumerate(pairs, 1)
    ]


def _identity(settings: AblateSettings) -> dict[str, Any]:
    """What results in the folder depend on; not how many cells and seeds are asked for."""
    return shared_values(settings) | {"cells": {cell.name: cell.values for cell in CELLS}}


def _run(settings: AblateSettings, plan: Sequence[Planned], folder: AblationFolder) -> int:
    by_number = {one.slot.number: one.values for one in plan}

    def values_of(slot: Slot) -> Mapping[str, Any]:
        return by_number[slot.number]

    say(f"ablation in {settings.out}: {_size(settings, plan)}\n{_left(settings, plan)}")
    runner = Runner(_as_sweep(plan), [one.slot for one in plan], values_of, settings.jobs)
    runner.run()
    results = _results(settings, plan)
    folder.write(settings.out / "ablate.json", json.dumps(as_json(results), indent=1) + "\n")
    folder.write(settings.out / "ablate.md", as_markdown(results))
    _close(settings, results, runner)
    if runner.asked_to_stop:
        return INTERRUPTED
    return 1 if runner.failed else 0


def _as_sweep(plan: Sequence[Planned]) -> Sweep:
    """The same runs, as the sweep's engine knows them: what varies is what it shows."""

    def parameter(name: str) -> Parameter:
        values = list(dict.fromkeys(one.values[name] for one in plan))
        spec = {"values": values} if len(values) > 1 else {"value": values[0]}
        return read_parameter(name, spec)

    return Sweep(
        name="ablate",
        method="grid",
        parameters=tuple(map(parameter, plan[0].values)),
        command=COMMAND,
        program="",
        metrics=(),
        run_cap=None,
        hyperband=None,
        content={},
    )


def _results(settings: AblateSettings, plan: Sequence[Planned]) -> Results:
    scores: dict[str, dict[int, Any]] = {}
    for one in plan:
        if one.slot.is_finished():
            scores.setdefault(one.cell.name, {})[one.seed] = scores_of(one.slot.run)
    return Results(shared_values(settings), chosen(settings.cells), len(plan), scores)


def _close(settings: AblateSettings, results: Results, runner: Runner) -> None:
    say(f"\n{results.finished} of {results.runs} runs finished, {len(runner.failed)} failed")
    for slot in runner.failed:
        say(f"  {slot.output}")
    for claim in CLAIMS:
        say(f"{judge(claim, results.difference).value:14} {claim.text}")
    say(f"report   {settings.out / 'ablate.md'}")
    say(f"page     balcap report {settings.out}")
    if results.finished < results.runs:
        say("resume   the same command again: finished runs stay as they are")


def _list(settings: AblateSettings, plan: Sequence[Planned]) -> int:
    for cell in chosen(settings.cells):
        say(f"{cell.name:16} {cell.what}")
    say(f"\n{_size(settings, plan)}\n{_left(settings, plan)}")
    return 0


def _size(settings: AblateSettings, plan: Sequence[Planned]) -> str:
    cells = len(plan) // settings.seeds
    return f"{len(plan)} runs ({cells} cells x {settings.seeds} seeds, {settings.steps} steps each)"


def _left(settings: AblateSettings, plan: Sequence[Planned]) -> str:
    """How long what is missing will take, by the finished runs of the folder if there are any."""
    finished = [one.slot for one in plan if one.slot.is_finished()]
    known = [seconds for slot in finished if (seconds := slot.read_job().get("seconds"))]
    each = fmean(known) if known else SECONDS_A_RUN + SECONDS_A_STEP * settings.steps
    missing = len(plan) - len(finished)
    turns = -(-missing // settings.jobs)
    basis = "the finished ones" if known else "a run of ours, two at a time on two cores"
    return f"{missing} to run, about {turns * each / 60:.0f} minutes (by {basis})"
