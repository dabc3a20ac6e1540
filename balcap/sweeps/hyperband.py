"""Which runs of a sweep have fallen too far behind to go on? wandb's `early_terminate`.

Its rule (PyPI `sweeps` 0.2, MIT; Hyperband, arXiv 1603.06560): at each of a few steps, the bands, a
run whose best value so far is not among the top 1/eta of the values that all runs had there is
stopped. The tests compare with wandb's engine; Optuna's pruners have other rules, and a sweep file
should stop the same runs here and there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from balcap.errors import UserError, did_you_mean

_KEYS = ("type", "min_iter", "max_iter", "s", "eta", "strict")
_MOST_BANDS = 100


@dataclass(frozen=True)
class Hyperband:
    """The bands of a sweep.

    Attributes:
        bands: numbers of logged values, ascending; a run is looked at when it has more than that.
        eta: the top 1/eta goes on.
    """

    bands: tuple[int, ...]
    eta: float

    def behind(self, history: Sequence[float], others: Sequence[Sequence[float]]) -> int | None:
        """The band at which a run is stopped, or None.

        Args:
            history: its values so far, smaller is better, without those that are not numbers.
            others: the same of all runs, this one among them.
        """
        reached = [band for band in self.bands if band < len(history)]
        if not reached:
            return None
        band = reached[-1]
        there = sorted(values[band] for values in others if len(values) > band)
        threshold = there[int(len(there) * (1 / self.eta))]
        return band if min(history) > threshold else None


def read_hyperband(spec: Any) -> Hyperband | None:
    """Read `early_terminate` of a sweep file; null is none.

    Raises:
        UserError: for whatever wandb would refuse.
    """
    if spec is None:
        return None
    if not isinstance(spec, Mapping) or spec.get("type") != "hyperband":
        raise UserError(f"early_terminate is {spec!r}; write {{type: hyperband, min_iter: 3}}")
    for key in spec:
        if key not in _KEYS:
            raise UserError(
                f"early_terminate has no {key!r}{did_you_mean(str(key), _KEYS)}; it takes "
                f"{', '.join(_KEYS)}"
            )
    eta = _number(spec, "eta", 3, above=1)
    if "max_iter" in spec:
        if "s" not in spec:
            raise UserError("early_terminate has max_iter and no s, the number of bands")
        bands = _downward(_number(spec, "max_iter", None, above=0), eta, int(spec["s"]))
    elif "min_iter" in spec:
        bands = _upward(_number(spec, "min_iter", None, above=0), eta)
    else:
        raise UserError("early_terminate needs min_iter, or max_iter and s")
    if not bands:
        raise UserError("early_terminate has no band of at least one step; raise max_iter or s")
    return Hyperband(bands, eta)


def _downward(top: float, eta: float, count: int) -> tuple[int, ...]:
    bands = [top / eta**turn for turn in range(1, count + 1)]
    return tuple(sorted(int(band) for band in bands if band >= 1))


def _upward(lowest: float, eta: float) -> tuple[int, ...]:
    return tuple(int(lowest * eta**turn) for turn in range(_MOST_BANDS))


def _number(spec: Mapping[str, Any], key: str, default: float | None, above: float) -> float:
    value = spec.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > above:
        raise UserError(f"early_terminate's {key} is {value!r}; it must be a number above {above}")
    return float(value)
