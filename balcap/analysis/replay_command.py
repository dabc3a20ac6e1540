"""`balcap replay`: what would other settings have made of the captions that a run wrote?"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from balcap.advantage.arrays import Float
from balcap.advantage.rule import AdvantageRule
from balcap.analysis import captions_df, heads_of
from balcap.analysis.frames import a_run, config_of
from balcap.analysis.replay import replayed, rule_of
from balcap.config import ReplaySettings, plain
from balcap.console import number, say, table
from balcap.errors import RunError
from balcap.heads.selection import parse_weighted
from balcap.statistics import spearman

REPLAYED = ("sample", "group", "ratio", "in_band", "advantage", "H", "H.credit")
"""What a replay needs of the captions; the texts of the few that are shown are read afterwards."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far two sets of advantages agree.

    Attributes:
        largest: largest absolute difference; 0 if they are the same to the last bit.
        rank: Spearman's correlation over all captions; None if either does not vary.
        by_step: the same within each step, for the steps in which both vary.
        flips: captions that one praises and the other blames.
        silenced: captions whose advantage becomes exactly 0.
        roused: captions whose advantage was exactly 0 and no longer is.
    """

    largest: float
    rank: float | None
    by_step: tuple[float, ...]
    flips: int
    silenced: int
    roused: int


def run(settings: ReplaySettings) -> int:
    """Replay a run and print what changes; returns the exit code.

    Raises:
        UserError: for a folder without rollouts, or settings that do not fit the run.
        RunError: if the result cannot be written.
    """
    captions = captions_df(settings.run, None if settings.out else REPLAYED)
    heads = heads_of(captions)
    own = rule_of(settings.run, heads)
    weights = _weights(settings, own)
    rule = rule_of(settings.run, heads, weights=weights, **settings.changes)
    frame = replayed(captions, rule, config_of(a_run(settings.run)).get("steps"))
    steps = frame["step"].nunique()
    say(f"run {settings.run}: {len(frame):,} captions of {steps:,} steps\n")
    say(rules_table(own, rule))
    say(f"\n{in_words(compare(frame), len(frame))}\n")
    say(credit_table(frame))
    if settings.show and (frame["advantage"] != frame["replayed"]).any():
        say("\nmost changed, with each advantage in units of its spread over the run:\n")
        say("\n".join(_captions(settings.run, frame, settings.show)))
    if settings.out is not None:
        _write(frame, settings.out)
        say(f"\nper caption: {settings.out}")
    return 0


def _weights(settings: ReplaySettings, own: AdvantageRule) -> dict[str, float]:
    """The run's own weights, those of `only` alone where it is given, with `weights` over them."""
    weights = dict(own.weights)
    if settings.only is not None:
        given = parse_weighted("only", settings.only)
        weights = {head: 1.0 if weight is None else weight for head, weight in given.items()}
    return weights | dict(settings.weights)


def compare(frame: pd.DataFrame) -> Comparison:
    """Compare `advantage` and `replayed` of `replayed_df`."""
    own, new = frame["advantage"].to_numpy(), frame["replayed"].to_numpy()
    by_step = [spearman(part["advantage"], part["replayed"]) for _, part in frame.groupby("step")]
    return Comparison(
        largest=float(np.abs(new - own).max()),
        rank=spearman(frame["advantage"], frame["replayed"]),
        by_step=tuple(rank for rank in by_step if rank is not None),
        flips=int((own * new < 0).sum()),
        silenced=int(((own != 0) & (new == 0)).sum()),
        roused=int(((own == 0) & (new != 0)).sum()),
    )


def most_changed(frame: pd.DataFrame, count: int) -> pd.DataFrame:
    """The captions whose advantage changes most, the most changed first.

    Each advantage counts in units of its own standard deviation over the run: a rule whose
    numbers are merely larger changes nothing.
    """
    change = _in_spreads(frame["replayed"]) - _in_spreads(frame["advantage"])
    order = np.argsort(-np.abs(change), kind="stable")[:count]
    return frame.iloc[order]


def in_words(found: Comparison, captions: int) -> str:
    """What a comparison says, in a few lines."""
    if found.largest == 0:
        return "the same advantages as in the run: largest difference 0"
    lines = [f"rank correlation with the run's advantages: {number(found.rank)} over all captions"]
    if found.by_step:
        mean, lowest = np.mean(found.by_step), min(found.by_step)
        lines.append(f"  within a step: {mean:.3f} in the mean, {lowest:.3f} at the lowest")
    lines.append(
        f"sign changed: {found.flips:,} of {captions:,} captions ({found.flips / captions:.1%}); "
        f"{found.silenced:,} become exactly 0, {found.roused:,} no longer are"
    )
    lines.append(f"largest difference: {found.largest:.3g}")
    return "\n".join(lines)


def rules_table(own: AdvantageRule, new: AdvantageRule) -> str:
    """The settings of both rules side by side."""
    return table(
        [
            {"": name, "the run": before, "replayed": after}
            for name, before, after in zip(
                ("normalizer", "weights", "gate"), _told(own), _told(new), strict=True
            )
        ]
    )


def credit_table(frame: pd.DataFrame) -> str:
    """How loud each head is: its mean |credit| before whitening, in the run and replayed."""
    return table(
        [
            {
                "mean |credit|": head,
                "the run": number(float(frame[f"{head}.credit"].abs().mean())),
                "replayed": number(float(frame[f"{head}.replayed"].abs().mean())),
            }
            for head in heads_of(frame)
        ]
    )


def _told(rule: AdvantageRule) -> tuple[str, str, str]:
    weights = ",".join(f"{head}={weight:g}" for head, weight in rule.weights.items() if weight)
    gated = ",".join(head for head in rule.gated if rule.weights[head])
    normalizer = rule.normalizer.name + _settings(rule.normalizer)
    if not rule.gate.acts or not gated:
        return normalizer, weights, "none"
    low, high = rule.band
    band = f" outside {low:g} to {high:g}" if rule.gate.banded else ""
    return normalizer, weights, f"{rule.gate.name} {gated}{band}{_settings(rule.gate)}"


def _settings(method: Any) -> str:
    """What differs from a method's defaults, as `` (tau 0.5)``."""
    defaults = plain(type(method)())
    told = [f"{name} {value}" for name, value in plain(method).items() if value != defaults[name]]
    return f" ({', '.join(told)})" if told else ""


def _captions(run: Path, frame: pd.DataFrame, count: int) -> Iterator[str]:
    chosen = most_changed(frame, count)
    own, new = _in_spreads(frame["advantage"]), _in_spreads(frame["replayed"])
    texts = captions_df(run, ["caption"], steps=set(chosen["step"]))
    found = chosen[["step", "row"]].merge(texts, on=["step", "row"], how="left")["caption"]
    places = frame.index.get_indexer(chosen.index)
    for place, row, text in zip(places, _rows(chosen), found, strict=True):
        scores = "  ".join(f"{head} {_number(row[head])}" for head in heads_of(frame))
        yield (
            f"{own[place]:+.2f} -> {new[place]:+.2f}  step {row['step']}, {row['sample']}: "
            f"{scores}  length ratio {_number(row['ratio'])}"
        )
        yield textwrap.fill(text or "(empty)", 100, initial_indent="    ", subsequent_indent="    ")


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _number(value: float) -> str:
    return number(None if np.isnan(value) else value)


def _in_spreads(advantages: pd.Series[float]) -> Float:
    values: Float = np.asarray(advantages, dtype=np.float64)
    spread = float(values.std())
    return values / (spread or 1.0)


def _write(frame: pd.DataFrame, path: Path) -> None:
    try:
        frame.to_parquet(path, index=False)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error
