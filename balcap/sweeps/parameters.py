"""Which values may a parameter of a sweep take, and how likely is each? As wandb has it.

Written from wandb's own engine (PyPI `sweeps`, MIT), which asks for NumPy 1 since 0.3 and so cannot
be installed beside balcap; the tests compare with its release 0.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist
from typing import Any

from balcap.errors import UserError, did_you_mean

_BOUNDS = {"min": None, "max": None}
_NORMAL = {"mu": 0.0, "sigma": 1.0}
_BETA = {"a": 1.0, "b": 1.0}
_STEP = {"q": 1.0}

DISTRIBUTIONS: dict[str, dict[str, Any]] = {
    "constant": {"value": None},
    "categorical": {"values": None},
    "categorical_w_probabilities": {"values": None, "probabilities": None},
    "int_uniform": _BOUNDS,
    "uniform": _BOUNDS,
    "q_uniform": _BOUNDS | _STEP,
    "log_uniform_values": _BOUNDS,
    "q_log_uniform_values": _BOUNDS | _STEP,
    "inv_log_uniform_values": _BOUNDS,
    "normal": _NORMAL,
    "q_normal": _NORMAL | _STEP,
    "log_normal": _NORMAL,
    "q_log_normal": _NORMAL | _STEP,
    "beta": _BETA,
    "q_beta": _BETA | _STEP,
}
"""wandb's distributions, each with its keys and their defaults; None: must be given."""

_EXPONENTS = ("log_uniform", "q_log_uniform", "inv_log_uniform")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a sweep.

    Attributes:
        name: of the setting.
        kind: one of `DISTRIBUTIONS`.
        spec: its keys, defaults filled in.
    """

    name: str
    kind: str
    spec: Mapping[str, Any]

    @property
    def is_constant(self) -> bool:
        """Whether it has one value only."""
        return self.kind == "constant"

    def quantile(self, x: float) -> Any:
        """The value below which a share x of the draws lies, x in (0, 1)."""
        if self.is_constant:
            return self.spec["value"]
        if self.kind == "categorical":
            return self.spec["values"][_share(x, len(self.spec["values"]))]
        if self.kind == "categorical_w_probabilities":
            reached = list(accumulate(self.spec["probabilities"]))
            passed = sum(x >= top for top in reached)
            return self.spec["values"][min(passed, len(reached) - 1)]
        if self.kind == "int_uniform":
            low, high = self.spec["min"], self.spec["max"]
            return low + _share(x, high - low + 1)
        return self._continuous(x)

    def grid(self) -> list[Any]:
        """Every value, in the order in which wandb's grid tries them.

        Raises:
            UserError: if there are infinitely many.
        """
        if self.is_constant:
            return [self.spec["value"]]
        if self.kind == "categorical":
            return list(self.spec["values"])
        if self.kind not in ("int_uniform", "q_uniform"):
            raise UserError(
                f"parameter {self.name} has the distribution {self.kind}; a grid needs values, or "
                "int_uniform or q_uniform; for others write method: random"
            )
        low, high = self.spec["min"], self.spec["max"]
        if self.kind == "int_uniform":
            return list(range(low, high + 1))
        step = self.spec["q"]  # the upper bound is left out, as wandb does
        return [low + turn * step for turn in range(math.ceil((high - low) / step))]

    def _continuous(self, x: float) -> int | float:
        value = self._smooth(x)
        step = self.spec.get("q")
        if step is None:
            return value
        value = round(value / step) * step
        return int(value) if isinstance(step, int) else value

    def _smooth(self, x: float) -> float:
        spec, kind = self.spec, self.kind.removeprefix("q_")
        if kind == "uniform":
            return float(spec["min"] + x * (spec["max"] - spec["min"]))
        if kind in ("log_uniform_values", "inv_log_uniform_values"):
            low, high = math.log(spec["min"]), math.log(spec["max"])
            return math.exp(low + x * (high - low))
        if kind == "beta":
            from scipy.special import betaincinv

            return float(betaincinv(spec["a"], spec["b"], x))
        drawn = NormalDist(spec["mu"], spec["sigma"]).inv_cdf(x)
        return math.exp(drawn) if kind == "log_normal" else drawn


def read_parameter(name: str, spec: Any) -> Parameter:
    """Return a parameter as a sweep file writes it.

    Raises:
        UserError: for whatever wandb would refuse.
    """
    where = f"parameter {name}"
    if not isinstance(spec, Mapping):
        raise UserError(f"{where} is {spec!r}; write `values: [...]`, or min and max, or `value:`")
    if "parameters" in spec:
        raise UserError(f"{where}: parameters is {spec['parameters']!r}; it must hold parameters")
    kind = spec.get("distribution") or _inferred(spec)
    if kind in _EXPONENTS:
        raise UserError(
            f"{where} has the distribution {kind}, whose min and max are exponents of e, and which "
            f"wandb no longer takes; write {kind}_values and the values themselves"
        )
    if kind not in DISTRIBUTIONS:
        raise UserError(
            f"{where} has the distribution {kind!r}; have {', '.join(DISTRIBUTIONS)}"
            f"{did_you_mean(str(kind), DISTRIBUTIONS)}"
        )
    keys = DISTRIBUTIONS[kind]
    given = {key: spec[key] for key in spec if key != "distribution"}
    for key in given:
        if key not in keys:
            raise UserError(f"{where} ({kind}) has {key!r}; it takes {', '.join(keys)}")
    for key, default in keys.items():
        if default is None and key not in given:
            raise UserError(f"{where} ({kind}) has no {key!r}; it needs {', '.join(keys)}")
    parameter = Parameter(name, kind, keys | given)
    _check(parameter, where)
    return parameter


def _inferred(spec: Mapping[str, Any]) -> str:
    """The distribution that wandb takes where none is named."""
    if "value" in spec:
        return "constant"
    if "values" in spec:
        return "categorical_w_probabilities" if "probabilities" in spec else "categorical"
    whole = all(isinstance(spec.get(key), int) for key in ("min", "max"))
    return "int_uniform" if whole else "uniform"


def _check(parameter: Parameter, where: str) -> None:
    spec = parameter.spec
    if "values" in spec and not (isinstance(spec["values"], list) and spec["values"]):
        raise UserError(f"{where}: values is {spec['values']!r}; it must be a list, not empty")
    if "probabilities" in spec:
        _check_probabilities(spec, where)
    for key in spec.keys() - {"value", "values", "probabilities"}:
        number = isinstance(spec[key], int | float) and not isinstance(spec[key], bool)
        if number and parameter.kind == "int_uniform" and not isinstance(spec[key], int):
            raise UserError(f"{where}: {key} is {spec[key]!r}; int_uniform takes whole numbers")
        if not number:
            # YAML takes 1e-6 for text, and wandb reads its files in the same way
            raise UserError(f"{where}: {key} is {spec[key]!r}; it must be a number, such as 1.0e-6")
    for key in spec.keys() & {"q", "sigma", "a", "b"}:
        if not spec[key] > 0:
            raise UserError(f"{where}: {key} is {spec[key]}; it must be above 0")
    if "min" not in spec:
        return
    if not spec["min"] < spec["max"]:
        raise UserError(f"{where}: min {spec['min']} is not below max {spec['max']}")
    if "log" in parameter.kind and not spec["min"] > 0:
        raise UserError(f"{where}: min is {spec['min']}; on a log scale it must be above 0")


def _check_probabilities(spec: Mapping[str, Any], where: str) -> None:
    shares = spec["probabilities"]
    if not isinstance(shares, list) or len(shares) != len(spec["values"]):
        raise UserError(f"{where}: probabilities must have one number for each of the values")
    if not math.isclose(sum(shares), 1, abs_tol=1e-8) or min(shares) < 0:
        raise UserError(f"{where}: probabilities are {shares}; they must add up to 1")


def _share(x: float, count: int) -> int:
    """Which of `count` equal parts of (0, 1] holds x, from 0."""
    return max(0, math.ceil(x * count) - 1)
