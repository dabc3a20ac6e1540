"""What the page says of one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from balcap.advantage.rule import AdvantageRule
from balcap.analysis import captions_df, heads_of, held_out_df, runs_df, steps_df
from balcap.analysis.frames import a_run, config_of, json_of
from balcap.analysis.plots import (
    colour_of,
    curves,
    health,
    length_against_advantage,
    tradeoff_paths,
)
from balcap.analysis.replay import rule_of
from balcap.analysis.report.captions import Band, Card, cards
from balcap.analysis.report.pictures import Picture, picture
from balcap.analysis.report.samples import Samples
from balcap.analysis.tables import explanations
from balcap.data.shapes.grounding import GROUNDING
from balcap.runs.changes import change_of, heads_of_harmonic_mean, with_changes
from balcap.runs.summary_text import SIDES, shapes_note
from balcap.statistics import Interval

WORDS = {
    "harmonic_mean": "harmonic mean", "words": "words", "gate_rate": "in the length band",
    **{name: name.replace("_", " ") for name in GROUNDING},
}  # fmt: skip

PLOTTED = ("words", "ratio", "in_band", "advantage", "H.credit")
"""What of the captions is shown: a long run has hundreds of megabytes of text beside it."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One line of the table of scores.

    Attributes:
        label: what is scored.
        colour: of the head; None if it is none.
        values: by side, None where there is no value.
        change: of the sampled captions; None where it is not known.
        interval: of the change, 95%, paired by sample; None where it has none.
        unscored: captions after (or else before) the training that had no score.
    """

    label: str
    colour: str | None
    values: Mapping[str, float | None]
    change: float | None
    interval: Interval | None
    unscored: int

    @property
    def trend(self) -> str:
        """`up` or `down` where the interval of the change leaves out 0, else empty."""
        low, high = self.interval or (0.0, 0.0)
        return "up" if low > 0 else "down" if high < 0 else ""


@dataclass(frozen=True, slots=True)
class RunPart:
    """All that the template needs to know of a run."""

    name: str
    anchor: str
    path: str
    state: str
    facts: Mapping[str, str]
    sides: Sequence[str]
    balanced: Sequence[str]
    held_out: int
    scores: Sequence[ScoreRow]
    note: str
    pictures: Sequence[Picture]
    cards: Sequence[Card]
    colours: Mapping[str, str]


def run_part(path: Path, samples: Samples, count: int, anchor: str = "run") -> RunPart:
    """Read a run, finished or not, and draw its pictures.

    Args:
        path: its folder.
        samples: where to look for the held-out samples.
        count: how many of them are shown.
        anchor: name of its section within the page.
    """
    folder = a_run(path)
    config = config_of(folder)
    [row] = runs_df(path).to_dict("records")
    summary = json_of(folder.summary)
    balanced = heads_of_harmonic_mean(summary, config)
    summary = with_changes(summary, json_of(folder.captions), balanced)
    steps, captions, held_out = steps_df(path), captions_df(path, PLOTTED), held_out_df(path)
    heads = heads_of(captions)
    rule = rule_of(path, heads) if heads else None
    band = rule.band if rule and rule.gate.banded else None
    colours = _colours(heads, summary)
    return RunPart(
        name=path.resolve().name,
        anchor=anchor,
        path=str(path),
        state=str(row["state"]),
        facts=dict(_facts(config, row, rule)),
        sides=[side for side in SIDES if side in summary],
        balanced=balanced,
        held_out=summary.get("before", {}).get("captions", 0),
        scores=list(_scores(summary, colours)),
        note=shapes_note(summary),
        pictures=list(_pictures(steps, captions, heads, band)),
        cards=cards(
            held_out,
            lambda name: samples.find(config, name),
            why=explanations(folder),
            unit=str(config.get("length_unit")),
            band=band,
            count=count,
        ),
        colours=colours,
    )


def _colours(heads: Sequence[str], summary: Mapping[str, Any]) -> dict[str, str]:
    """Each head's colour: the trained ones first, in the order that the pictures have them."""
    evaluated = summary.get("before", {}).get("scored", {})
    return {head: colour_of(i) for i, head in enumerate(dict.fromkeys([*heads, *evaluated]))}


def _facts(
    config: Mapping[str, Any], row: Mapping[Any, Any], rule: AdvantageRule | None
) -> Iterator[tuple[str, str]]:
    yield "policy", str(config.get("policy"))
    yield "data", str(config.get("data"))
    if rule is not None:
        yield (
            "rewards",
            ", ".join(
                head if weight == 1 else f"{head} × {weight:g}"
                for head, weight in rule.weights.items()
            ),
        )
        yield "normaliser", rule.normalizer.name
        yield "gate", _gate(rule)
        yield "group, batch", f"{config['group_size']} captions a sample, {config['batch']} a step"
    asked = config.get("steps")
    yield "steps", f"{row['steps_done']}" + (f" of {asked}" if asked is not None else "")
    yield "learning rate, seed", f"{config.get('lr')}, seed {config.get('seed')}"
    if pd.notna(row.get("seconds")):
        trained = row.get("train_seconds")
        text = f" ({clock(trained)} of training)" if pd.notna(trained) else ""
        yield "time", f"{clock(row['seconds'])}{text}"


def _gate(rule: AdvantageRule) -> str:
    if not rule.gate.acts or not rule.gated:
        return "none"
    heads = ", ".join(rule.gated)
    if not rule.gate.banded:
        return f"{rule.gate.name}: {heads}"
    low, high = rule.band
    return f"{rule.gate.name}: {heads} at {low:g} to {high:g} times the reference's length"


def clock(seconds: float) -> str:
    """Seconds as a person would say them."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _scores(summary: Mapping[str, Any], colours: Mapping[str, str]) -> Iterator[ScoreRow]:
    sides = [side for side in SIDES if side in summary]
    if not sides:
        return
    for name in (*colours, *WORDS):
        if name not in summary[sides[0]]:
            continue
        change, interval = change_of(summary, name)
        latest = summary.get("after", summary[sides[0]])
        captions = latest.get("captions", 0)
        yield ScoreRow(
            label=WORDS.get(name, name),
            colour=colours.get(name),
            values={side: summary[side].get(name) for side in sides},
            change=change,
            interval=interval,
            unscored=max(0, captions - latest["scored"].get(name, captions)),
        )


def _pictures(
    steps: pd.DataFrame, captions: pd.DataFrame, heads: Sequence[str], band: Band | None
) -> Iterator[Picture]:
    if heads and not steps.empty:
        yield picture(
            curves(steps, heads, band),
            "Curves",
            "Faint: each step. Bold: the mean over the last tenth of the steps. A head's share of "
            "the advantage's variance says how much of the signal is its own; the shares add up to "
            "1, and one below 0 is outvoted by the others.",
        )
        yield picture(
            health(steps, heads),
            "Health",
            "A head is silent in a group whose captions it scores all the same. An advantage that "
            "follows length is a reward for length.",
        )
    if len(heads) > 1 and len(steps) > 1:
        yield picture(
            tradeoff_paths(steps, heads),
            "Who pays for whom",
            "The mean scores of the rollouts, smoothed, from the first step (an open circle) to "
            "the last (a filled one). Up and to the right, both heads gain; a path that turns down "
            "or left is one head paying for the other.",
        )
    if heads and len(captions):
        yield picture(
            length_against_advantage(captions, heads, band),
            "Length against advantage",
            "One point a caption of the training. Right: a head's mean credit (its weighted, "
            "normalised score) by length, over all steps: what lies above 0 is rewarded.",
        )
