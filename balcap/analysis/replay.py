"""What would every advantage have been, by another normaliser, gate or weights?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd

from balcap.advantage.gates import find_gate
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers import find_normalizer
from balcap.advantage.normalizers.rvpo import RVPO
from balcap.advantage.rule import AdvantageRule, progress_at
from balcap.analysis.frames import AnyPath, a_run, config_of
from balcap.analysis.tables import captions_df, heads_of
from balcap.config import RewardSettings
from balcap.errors import UserError, did_you_mean
from balcap.heads.selection import parse_weighted, weights_from_text


def replayed_df(
    run: AnyPath, *, weights: Mapping[str, float] | None = None, **changes: Any
) -> pd.DataFrame:
    """The captions of a run with the advantages that other settings would have given them.

    The stored scores and length ratios of each step go through `AdvantageRule`, which is what the
    trainer used: with the run's own settings, `replayed` equals `advantage` to the last bit.

    Args:
        run: its folder.
        weights: of the heads to use; a head that is left out has weight 0, which is as if it had
            not been there. Default: the run's own.
        **changes: any of `normalizer`, `gate`, `gate_heads` (text, comma separated), `gate_low`,
            `gate_high`, and `methods` ({"gd2po": {"tau": 0.5}}), in place of the run's own.

    Returns:
        As `captions_df`, with `replayed` beside `advantage`, `H.replayed` beside `H.credit`, and
        `replayed_in_band` beside `in_band`.

    Raises:
        UserError: for a folder without a run or rollouts, a head that the run did not score, or a
            setting that is not allowed.
    """
    captions = captions_df(run)
    heads = heads_of(captions)
    steps = config_of(a_run(run)).get("steps")
    return replayed(captions, rule_of(run, heads, weights=weights, **changes), steps)


def replayed(captions: pd.DataFrame, rule: AdvantageRule, steps: int | None) -> pd.DataFrame:
    """The columns that `replayed_df` adds, for captions of whole steps and any rule.

    Args:
        captions: of `captions_df`.
        rule: from scores to advantages.
        steps: of the whole training, for rules that change on its way; default: those stored.
    """
    heads = heads_of(captions)
    whole = steps or int(captions["step"].max())
    parts = [
        _step(part, heads, rule, progress_at(int(str(step)), whole))
        for step, part in captions.groupby("step", sort=False)
    ]
    return captions.join(pd.concat(parts))


def rule_of(
    run: AnyPath,
    heads: tuple[str, ...],
    *,
    weights: Mapping[str, float] | None = None,
    **changes: Any,
) -> AdvantageRule:
    """The rule of a run that scored `heads`, with changes as in `replayed_df`."""
    content = config_of(a_run(run))
    if not heads:
        raise UserError(f"nothing to replay: {run} has no rollouts yet")
    names = {item.name for item in fields(RewardSettings)}
    given = {name: content[name] for name in (names - {"weights"}) & content.keys()}
    own = RewardSettings(**given, weights=_stored_weights(content.get("weights") or {}))
    changed: dict[str, Any] = changes.pop("methods", {})
    settings = replace(own, **changes)
    settings = replace(settings, methods=_own_methods(content, settings, changed))
    chosen = _own_weights(own, heads) if weights is None else _given_weights(weights, heads)
    return AdvantageRule.of(settings, chosen)


def _own_methods(
    content: Mapping[str, Any], settings: RewardSettings, changed: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Settings of normaliser and gate: the run's, where they are still the same, with changes."""
    kept = {}
    for method in (find_normalizer(settings.normalizer), find_gate(settings.gate)):
        stored = content.get(method.name)
        if stored is None and method is RVPO and content.get("normalizer") == RVPO.name:
            # a run from before settings of methods were stored, when beta was this constant
            stored = {"beta": 1.0, "beta_end": None}
        kept[method.name] = stored or {}
    names = kept.keys() | changed.keys()
    merged = {name: {**kept.get(name, {}), **changed.get(name, {})} for name in names}
    return {name: given for name, given in merged.items() if given}


def _stored_weights(stored: str | Mapping[str, float]) -> dict[str, float]:
    """Weights as a run keeps them: a mapping, or the text that earlier ones kept."""
    return weights_from_text(stored) if isinstance(stored, str) else dict(stored)


def _own_weights(own: RewardSettings, heads: tuple[str, ...]) -> dict[str, float]:
    """The weights of the run, without importing its heads: those may be gone by now.

    `rewards` names heads by reference, such as `file.py:Class`, in the order of the columns.
    """
    wanted = parse_weighted("rewards", own.rewards).values()
    pairs = zip(heads, wanted, strict=True)
    weights = {head: 1.0 if weight is None else weight for head, weight in pairs}
    return weights | dict(own.weights)


def _given_weights(given: Mapping[str, float], heads: tuple[str, ...]) -> dict[str, float]:
    for name in given:
        if name not in heads:
            raise UserError(
                f"weights names {name!r}, which the run did not score; it scored "
                f"{', '.join(heads)}{did_you_mean(name, heads)}"
            )
        if not (given[name] >= 0 and math.isfinite(given[name])):
            raise UserError(f"weights.{name} is {given[name]}; it must be a number of at least 0")
    if not any(given.values()):
        raise UserError(f"no head has a weight above 0; give one to any of {', '.join(heads)}")
    return dict.fromkeys(heads, 0.0) | dict(given)


def _step(
    part: pd.DataFrame, heads: tuple[str, ...], rule: AdvantageRule, progress: float
) -> pd.DataFrame:
    """The new columns of one step: the batch that the normaliser sees as a whole."""
    values = part[list(heads)].to_numpy(dtype=np.float64)
    matrix = RewardMatrix(
        values=np.nan_to_num(values),
        scored=~np.isnan(values),
        group=part["group"].to_numpy(),
        heads=heads,
    )
    credit = rule(matrix, part["ratio"].to_numpy(dtype=np.float64), progress)
    columns = [f"{head}.replayed" for head in heads]
    return pd.DataFrame(credit.per_head, index=part.index, columns=columns).assign(
        replayed=credit.advantage, replayed_in_band=credit.in_band
    )
