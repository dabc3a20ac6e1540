"""Which values does run number i of a sweep have?

Grid and random give what wandb would; a search asks Optuna, and so depends on the results so far.
All three are functions of the file, the seed and those results: a sweep that was killed goes on
with the values that it would have had.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any, Literal

from balcap.errors import UserError
from balcap.sweeps.file import Sweep
from balcap.sweeps.parameters import Parameter

Values = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """A run that a search knows of.

    Attributes:
        values: of its parameters.
        state: how it stands; `failed` also where it ended without a score.
        scores: one number a metric, where it is finished.
    """

    values: Mapping[str, Any]
    state: Literal["finished", "failed", "running"]
    scores: tuple[float, ...] = ()


def grid(sweep: Sweep) -> list[Values]:
    """Every combination: parameters in the order of their names, the last one varying fastest."""
    names = [parameter.name for parameter in sweep.parameters]
    found: dict[str, Values] = {}
    for combination in product(*(parameter.grid() for parameter in sweep.parameters)):
        # wandb runs a combination once, and takes 3 and 3.0 for the same value
        found.setdefault(_identity(combination), dict(zip(names, combination, strict=True)))
    return list(found.values())


def draws(sweep: Sweep, count: int, seed: int) -> list[Values]:
    """Random values of `count` runs: one uniform number a parameter and run, constants too."""
    random = Random(seed)
    return [{p.name: p.quantile(random.random()) for p in sweep.parameters} for _ in range(count)]


def enumerate_runs(sweep: Sweep, runs: int | None, seed: int) -> list[Values]:
    """The values of all runs of a grid or random sweep; none of a search.

    Args:
        sweep: the sweep.
        runs: number of runs; default: the file's `run_cap`, and for a grid all of it.
        seed: of the random draws.

    Raises:
        UserError: if it is not said how many runs a random sweep has.
    """
    if sweep.method == "grid":
        return grid(sweep)[: how_many(sweep, runs)]
    return [] if sweep.searches else draws(sweep, how_many(sweep, runs), seed)


def corners(sweep: Sweep) -> list[Values]:
    """What a search may ask for: the lowest value of all parameters, and each at its other ends.

    Raises:
        UserError: if Optuna is not installed, or a distribution is not in its reach.
    """
    suggest(sweep, [], 0)
    ends = {p.name: _ends(p) for p in sweep.parameters}
    lowest = {name: values[0] for name, values in ends.items()}
    others = [lowest | {name: one} for name, values in ends.items() for one in values[1:]]
    return [lowest, *others]


def _ends(parameter: Parameter) -> list[Any]:
    spec = parameter.spec
    if parameter.is_constant:
        return [spec["value"]]
    if "values" in spec:
        return list(spec["values"])
    return [parameter.quantile(share) for share in (0.001, 0.999)]  # a bound itself is never drawn


def how_many(sweep: Sweep, runs: int | None) -> int:
    """Number of runs. Raises UserError where nothing says it."""
    count = runs or sweep.run_cap
    if sweep.method == "grid":
        whole = len(grid(sweep))
        return min(whole, count or whole)
    if count is None:
        raise UserError(
            f"method {sweep.method} has no end of its own; write `run_cap:` into the file, "
            "or --runs 20"
        )
    return count


def suggest(sweep: Sweep, trials: Sequence[Trial], seed: int) -> Values:
    """The values of the next run of a search, by Optuna's tree-structured Parzen estimator.

    Several metrics are searched for their Pareto front (the multi-objective form of the same).

    Args:
        sweep: with at least one metric.
        trials: every earlier run, in order.
        seed: of the search; each run draws from a stream of its own.

    Raises:
        UserError: if Optuna is not installed, or a distribution is not in its reach.
    """
    optuna = _optuna()
    space = {p.name: _distribution(optuna, p) for p in sweep.parameters if not p.is_constant}
    constants = {p.name: p.spec["value"] for p in sweep.parameters if p.is_constant}
    study = optuna.create_study(
        directions=["maximize" if metric.maximize else "minimize" for metric in sweep.metrics],
        # a run in flight counts as a bad one, so that jobs side by side do not try the same
        sampler=optuna.samplers.TPESampler(seed=seed * 100_003 + len(trials), constant_liar=True),
    )
    states = optuna.trial.TrialState
    kinds = {"finished": states.COMPLETE, "failed": states.FAIL, "running": states.RUNNING}
    for trial in trials:
        study.add_trial(
            optuna.trial.create_trial(
                params={name: trial.values[name] for name in space},
                distributions=space,
                values=trial.scores if trial.state == "finished" else None,
                state=kinds[trial.state],
            )
        )
    asked = study.ask(space).params
    return {p.name: constants.get(p.name, asked.get(p.name)) for p in sweep.parameters}


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise UserError(
            "methods bayes and custom need Optuna: pip install 'balcap[sweep]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _distribution(optuna: Any, parameter: Parameter) -> Any:
    """Optuna's counterpart of a parameter, as wandb pairs them."""
    spec, kind, made = parameter.spec, parameter.kind, optuna.distributions
    if kind == "categorical":
        return made.CategoricalDistribution(spec["values"])
    if kind == "int_uniform":
        return made.IntDistribution(spec["min"], spec["max"])
    if kind == "q_uniform":
        whole = all(isinstance(spec[key], int) for key in ("min", "max", "q"))
        either = made.IntDistribution if whole else made.FloatDistribution
        return either(spec["min"], spec["max"], step=spec["q"])
    if kind in ("uniform", "log_uniform_values"):
        return made.FloatDistribution(spec["min"], spec["max"], log=kind != "uniform")
    raise UserError(
        f"parameter {parameter.name} has the distribution {kind}, which Optuna lacks; use values, "
        "int_uniform, uniform, q_uniform or log_uniform_values"
    )


def _identity(combination: Sequence[Any]) -> str:
    whole = [int(v) if isinstance(v, float) and v.is_integer() else v for v in combination]
    return json.dumps(whole, sort_keys=True, default=str)
