"""Which heads were asked for, and with which weights?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from balcap.config import JudgeSettings
from balcap.errors import UserError, not_selected
from balcap.heads.base import Head
from balcap.heads.registry import HeadClass, find
from balcap.judges.factory import given_for, open_judge

REDRAWS = 2  # ours: 3 unusable answers of 100 leave 3 of 100,000 then


@dataclass(frozen=True)
class Selected:
    """The heads of a command, ready to score.

    Attributes:
        trained: heads of `--rewards`, in that order.
        weights: weight of each trained head by its name, finite and at least 0, not all 0.
        evaluated: the trained heads, then those that only the evaluation uses.
    """

    trained: tuple[Head[Any], ...]
    weights: dict[str, float]
    evaluated: tuple[Head[Any], ...]


@dataclass(frozen=True)
class Choice:
    """The classes of the heads of a command, before their settings are known.

    Attributes:
        trained: heads of `--rewards`, in that order.
        weights: weight of each trained head by its name.
        evaluated: the trained heads, then those that only the evaluation uses.
    """

    trained: tuple[HeadClass, ...]
    weights: dict[str, float]
    evaluated: tuple[HeadClass, ...]

    def build(self, configs: Mapping[str, Any], judge: JudgeSettings | None = None) -> Selected:
        """Make the heads.

        Args:
            configs: the settings of each head, by its name.
            judge: whom heads ask that do not say otherwise.

        Raises:
            UserError: if a head asks a judge and it is not said which, or which is not enough.
        """
        heads = {head.name: head(configs[head.name]) for head in self.evaluated}
        general = given_for(judge or JudgeSettings(), JudgeSettings(), "judge")
        for head in heads.values():
            settings = given_for(head.judge_settings, general, f"{head.name}.judge")
            if head.uses_judge:
                head.attach_judge(open_judge(settings, head.name, REDRAWS))
        return Selected(
            trained=tuple(heads[head.name] for head in self.trained),
            weights=self.weights,
            evaluated=tuple(heads.values()),
        )


def choose(
    rewards: str, weights: Mapping[str, float] | None = None, eval_rewards: str = ""
) -> Choice:
    """Find the heads that are named in the settings of these names.

    Raises:
        UserError: for a head that cannot be found or appears twice, two heads of one name, a
            weight that is not a number of at least 0 or is for no selected head, no head at all,
            or weights that are all 0.
    """
    wanted = parse_weighted("rewards", rewards)
    if not wanted:
        raise UserError("rewards is empty; name at least one head, such as --rewards qa,fluency")
    beside = parse_weighted("eval_rewards", eval_rewards)
    for reference, weight in beside.items():
        if weight is not None:
            raise UserError(
                f"eval_rewards gives {reference} a weight; only heads in rewards have one"
            )
    trained = _named(wanted)
    if len(trained) < len(wanted):
        raise UserError(f"rewards is {rewards!r}; one head appears twice")
    evaluated = _named([*wanted, *beside])
    by_name = {
        head.name: 1.0 if weight is None else weight
        for head, weight in zip(trained, wanted.values(), strict=True)
    }
    return Choice(trained, _weighted(by_name, weights or {}), evaluated)


def parse_weighted(setting: str, text: str) -> dict[str, float | None]:
    """Read `qa=1,cov=0.5,fluency` as {"qa": 1.0, "cov": 0.5, "fluency": None}.

    Args:
        setting: where the text stands, for the error.
        text: comma separated. Empty text has no parts.

    Raises:
        UserError: for an empty part, a part that appears twice, or a bad weight.
    """
    result: dict[str, float | None] = {}
    for part in text.split(",") if text.strip() else []:
        name, equals, weight = (piece.strip() for piece in part.partition("="))
        if not name:
            raise UserError(
                f"{setting} is {text!r}; each comma needs a head on both sides: qa,cov (no blanks)"
            )
        if name in result:
            raise UserError(f"{setting} is {text!r}; {name!r} appears twice")
        result[name] = _weight(f"{setting}: the weight of {name}", weight) if equals else None
    return result


def weights_from_text(text: str) -> dict[str, float]:
    """Read the form `qa=1,cov=0.5` of `weights`. UserError for a head without a weight."""
    weights = {}
    for name, weight in parse_weighted("weights", text).items():
        if weight is None:
            raise UserError(f"weights names {name} without a weight; write {name}=0.5")
        weights[name] = weight
    return weights


def _weight(what: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value >= 0 and math.isfinite(value)):
        raise UserError(f"{what} is {text!r}; it must be a number of at least 0")
    return value


def _named(references: Iterable[str]) -> tuple[HeadClass, ...]:
    """The classes of the references, each once."""
    found: dict[str, tuple[HeadClass, str]] = {}
    for reference in references:
        head = find(reference)
        other, first = found.setdefault(head.name, (head, reference))
        if other is not head:
            raise UserError(
                f"two heads are called {head.name!r}: {first} and {reference}; rename one, or "
                "leave it out of rewards and eval_rewards"
            )
    return tuple(head for head, _ in found.values())


def _weighted(weights: dict[str, float], changes: Mapping[str, float]) -> dict[str, float]:
    for name, weight in changes.items():
        if name not in weights:
            raise not_selected(f"weights gives {name!r} a weight", name, list(weights))
        weights = {**weights, name: _weight(f"weights.{name}", str(weight))}
    if not any(weights.values()):
        raise UserError(f"every weight is 0 ({', '.join(weights)}); give one head a weight above 0")
    return weights
