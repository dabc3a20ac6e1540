"""What does a wandb sweep file ask for?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from balcap.errors import UserError, did_you_mean
from balcap.sweeps.commands import DEFAULT_COMMAND, MACROS
from balcap.sweeps.hyperband import Hyperband, read_hyperband
from balcap.sweeps.parameters import Parameter, read_parameter

METHODS = ("grid", "random", "bayes", "custom")
KEYS = (
    "program", "command", "method", "metric", "metrics", "parameters", "name", "description",
    "run_cap", "scheduler", "early_terminate", "project", "entity", "controller", "apiVersion",
    "kind", "job", "image_uri",
)  # fmt: skip
"""Keys of wandb's own schema (PyPI `sweeps` 0.3.0)."""


@dataclass(frozen=True)
class Metric:
    """What a search makes as large or as small as it can.

    Attributes:
        name: as wandb knows it: `after/harmonic_mean`, or a metric of the steps.
        maximize: larger is better.
        target: no further run starts once one has reached it, as wandb has it; None: none.
    """

    name: str
    maximize: bool
    target: float | None = None

    def reached(self, score: float) -> bool:
        """Whether a score is as good as the target."""
        if self.target is None:
            return False
        return score >= self.target if self.maximize else score <= self.target


@dataclass(frozen=True)
class Sweep:
    """A sweep file, read and checked.

    Attributes:
        name: of the sweep: the file's `name`, or the file's own.
        method: grid, random, bayes or custom (custom: Optuna, several metrics allowed).
        parameters: sorted by name, as wandb goes through them.
        command: words of the command, with wandb's macros.
        program: what `${program}` stands for; empty if the file has none.
        metrics: what to search for; empty for grid and random without a metric.
        run_cap: most runs that the file asks for, or None.
        hyperband: which runs are stopped early, or None.
        content: the file as it was read.
    """

    name: str
    method: str
    parameters: tuple[Parameter, ...]
    command: tuple[str, ...]
    program: str
    metrics: tuple[Metric, ...]
    run_cap: int | None
    hyperband: Hyperband | None
    content: Mapping[str, Any]

    @property
    def imputes(self) -> bool:
        """Whether the file gives runs that failed a score, as wandb's search can."""
        listed = self.content.get("metrics") or [self.content.get("metric") or {}]
        return any("impute" in metric for metric in listed)

    @property
    def searches(self) -> bool:
        """Whether later runs depend on the results of earlier ones."""
        return self.method in ("bayes", "custom")


def read(path: Path) -> Sweep:
    """Read a sweep file.

    Raises:
        UserError: if it cannot be read, or is not what wandb takes, or needs more than wandb's
            server and Optuna can do here.
    """
    content = _content(path)
    try:
        return _sweep(content, path.stem)
    except UserError as error:
        raise UserError(f"the sweep file {path}: {error}") from error


def _content(path: Path) -> dict[str, Any]:
    try:
        # as wandb reads it: 1e-6 is text there, which a command line takes as well
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the sweep file {path}: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise UserError(f"the sweep file {path} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"the sweep file {path} must hold lines of `name: value`")
    return content


def _sweep(content: Mapping[str, Any], stem: str) -> Sweep:
    for key in content:
        if key not in KEYS:
            raise UserError(f"no key {key!r}{did_you_mean(str(key), KEYS)}; have {', '.join(KEYS)}")
    method = content.get("method")
    if method not in METHODS:
        raise UserError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
    parameters = content.get("parameters")
    if not isinstance(parameters, Mapping) or not parameters:
        raise UserError("no parameters; write at least one, such as `seed: {values: [0, 1]}`")
    cap = content.get("run_cap")
    if cap is not None and not (type(cap) is int and cap > 0):
        raise UserError(f"run_cap is {cap!r}; it must be a whole number of at least 1")
    metrics = _metrics(content, method)
    flat = dict(_flat(parameters))
    return Sweep(
        name=str(content.get("name", stem)),
        method=method,
        parameters=tuple(read_parameter(name, flat[name]) for name in sorted(flat)),
        command=_command(content),
        program=str(content.get("program", "")),
        metrics=metrics,
        run_cap=cap,
        hyperband=_hyperband(content, metrics),
        content=content,
    )


def _flat(parameters: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Parameters with nested ones under dotted names: `lora: {parameters: {rank: ...}}`.

    wandb hands such a setting over as one dictionary; `--lora.rank=8` is how balcap writes it.
    """
    for name, spec in parameters.items():
        if isinstance(spec, Mapping) and isinstance(spec.get("parameters"), Mapping):
            yield from _flat(spec["parameters"], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", spec


def _hyperband(content: Mapping[str, Any], metrics: Sequence[Metric]) -> Hyperband | None:
    hyperband = read_hyperband(content.get("early_terminate"))
    if hyperband is None:
        return None
    if len(metrics) != 1:
        raise UserError(
            f"early_terminate compares runs by one metric, and the file has {len(metrics)}; write "
            "`metric: {name: reward/qa/mean, goal: maximize}`"
        )
    if metrics[0].name.startswith(("before/", "after/")):
        raise UserError(
            f"early_terminate cannot go by {metrics[0].name}, which a run has only at its end; "
            "name a metric of the steps, such as reward/qa/mean"
        )
    return hyperband


def _command(content: Mapping[str, Any]) -> tuple[str, ...]:
    command = content.get("command", DEFAULT_COMMAND)
    if not isinstance(command, list | tuple) or not command:
        raise UserError("command must be a list of words: [${env}, balcap, train, ${args}]")
    words = tuple(str(word) for word in command)
    if "${program}" in words and not content.get("program"):
        raise UserError("no program; write one, or a command that does not use ${program}")
    for word in words:
        name = word[2:-1]
        is_macro = word.startswith("${") and word.endswith("}")
        if is_macro and name not in MACROS and ":" not in name:
            raise UserError(
                f"command has {word}{did_you_mean(name, MACROS)}; wandb would leave it out; have "
                + ", ".join(f"${{{macro}}}" for macro in MACROS)
            )
    return words


def _metrics(content: Mapping[str, Any], method: str) -> tuple[Metric, ...]:
    if "metric" in content and "metrics" in content:
        raise UserError("metric and metrics are both given; several objectives are `metrics` alone")
    if "metrics" in content and method != "custom":
        raise UserError(
            "several metrics are for `method: custom` with `scheduler: {engine: optuna}`"
        )
    scheduler = content.get("scheduler") or {}
    if method == "custom" and scheduler != {"engine": "optuna"}:
        raise UserError("method custom is run here with `scheduler: {engine: optuna}` and no more")
    listed = content.get("metrics") or ([content["metric"]] if "metric" in content else [])
    metrics = tuple(_metric(one) for one in listed)
    if method in ("bayes", "custom") and not metrics:
        raise UserError(
            f"method {method} needs a metric, such as "
            "`metric: {name: after/harmonic_mean, goal: maximize}`"
        )
    return metrics


def _metric(spec: Any) -> Metric:
    if not isinstance(spec, Mapping) or "name" not in spec:
        raise UserError(f"metric is {spec!r}; write `name:` and `goal:`")
    goal = spec.get("goal", "minimize")  # wandb's default
    if goal not in ("minimize", "maximize"):
        raise UserError(f"the goal of {spec['name']} is {goal!r}; it must be minimize or maximize")
    target = spec.get("target")
    if target is not None and (isinstance(target, bool) or not isinstance(target, int | float)):
        raise UserError(f"the target of {spec['name']} is {target!r}; it must be a number")
    return Metric(str(spec["name"]), goal == "maximize", target)
