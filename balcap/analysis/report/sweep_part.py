"""What the page says of several runs together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from balcap.analysis import evaluated_heads, over_shared_heads, pareto_front, varying_settings
from balcap.analysis.plots import dots, fronts
from balcap.analysis.report.pictures import Picture, picture

OTHER_SCORES = ("words", "gate_rate", "fact_precision", "fact_recall")


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One line of the table of runs.

    Attributes:
        name: of the run.
        anchor: of its section.
        state: how it stands.
        settings: values of the settings that vary.
        scores: after the training, on sampled held-out captions; None where there is none.
        best: whether no other run is at least as good in every head, and better in one.
    """

    name: str
    anchor: str
    state: str
    settings: Sequence[str]
    scores: Sequence[float | None]
    best: bool


@dataclass(frozen=True, slots=True)
class SweepPart:
    """All that the template needs to know of a sweep."""

    settings: Sequence[str]
    scores: Sequence[str]
    rows: Sequence[SweepRow]
    top: Sequence[float | None]
    pictures: Sequence[Picture]
    heads: Sequence[str]
    harmonic_note: str


def sweep_part(runs: pd.DataFrame, anchors: Sequence[str]) -> SweepPart:
    """Compare the runs of `runs_df`; `anchors` name their sections, in the same order."""
    runs, shared = over_shared_heads(runs)
    settings = varying_settings(runs)
    heads = evaluated_heads(runs)
    scores = [n for n in (*heads, "harmonic_mean", *OTHER_SCORES) if f"after.{n}" in runs]
    columns = [f"after.{name}" for name in scores]
    judged = [f"after.{head}" for head in heads if f"after.{head}" in runs]
    best = set(pareto_front(runs, judged).index) if judged else set()
    rows = [
        SweepRow(
            name=str(run["name"]),
            anchor=anchor,
            state=str(run["state"]),
            settings=["" if pd.isna(run[name]) else str(run[name]) for name in settings],
            scores=[_value(run[column]) for column in columns],
            best=index in best,
        )
        for anchor, (index, run) in zip(anchors, runs.iterrows(), strict=True)
    ]
    known = ("harmonic_mean", *heads)
    top = [_value(runs[f"after.{name}"].max()) if name in known else None for name in scores]
    pictures = list(_pictures(runs, judged))
    return SweepPart(settings, scores, rows, top, pictures, heads, shared.note)


def _value(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _pictures(runs: pd.DataFrame, judged: Sequence[str]) -> Iterator[Picture]:
    known = runs.dropna(subset=list(judged)) if judged else runs.head(0)
    if known.empty:
        return
    by = [name for name in varying_settings(known) if name != "seed"] or ["name"]
    if len(judged) > 1:
        yield picture(
            fronts(known, judged, by),
            "Trade-offs",
            "Held-out scores after the training, one point a run. The line is the Pareto front of "
            "each pair: for a run below and left of it, "
            "another one is at least as good in both and better in one.",
        )
    lengths = [name for name in ("after.words",) if name in known]
    start = {c: float(known[c.replace("after.", "before.")].mean()) for c in (*judged, *lengths)}
    yield picture(
        dots(known, by, [*judged, *lengths], start=start),
        "Scores by setting",
        "Mean over the runs of a row, with its 95% interval (Student's t) where there are several. "
        "Dotted: before the training.",
    )
