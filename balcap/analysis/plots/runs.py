"""How do the runs of a sweep compare?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from balcap.analysis.plots.style import (
    BAND,
    FAINT,
    INK,
    MARKERS,
    axis_label,
    colour_of,
    panels,
    smooth,
    styled,
)
from balcap.analysis.tradeoffs import pareto_front
from balcap.statistics import t_interval


@styled
def fronts(runs: pd.DataFrame, scores: Sequence[str], by: Sequence[str] = ()) -> Figure:
    """Every pair of scores: a point a run, and the Pareto front of the pair.

    Args:
        runs: of `runs_df`.
        scores: at least two columns, more is better in each.
        by: columns of settings; the first gives the colour, the second the marker, and any more
            are not shown.
    """
    pairs = list(combinations(scores, 2))
    figure, found = panels(len(pairs), size=(3.7, 3.4))
    levels = [list(dict.fromkeys(runs[name].astype(str))) for name in by[:2]]
    for axes, (x, y) in zip(found, pairs, strict=True):
        front = pareto_front(runs, [x, y]).sort_values([x, y])
        axes.step(front[x], front[y], where="pre", color=FAINT, linewidth=1.4, zorder=1)
        for _, run in runs.iterrows():
            places = [
                level.index(str(run[name])) for name, level in zip(by[:2], levels, strict=True)
            ]
            colour, marker = (*places, *(0,) * (2 - len(places)))
            best = run.name in front.index
            axes.plot(
                run[x], run[y], MARKERS[marker % len(MARKERS)], ms=(9.5, 5.5, 3.5)[min(marker, 2)],
                color=colour_of(colour), mec=INK if best else "white", mew=1,
            )  # fmt: skip
        axes.set(xlabel=axis_label(x), ylabel=axis_label(y))
        axes.margins(0.1)
    handles = _handles(by[:2], levels)
    figure.legend(handles=handles, loc="outside right upper", alignment="left")
    return figure


@styled
def dots(
    runs: pd.DataFrame,
    by: Sequence[str],
    columns: Sequence[str],
    *,
    start: Mapping[str, float] | None = None,
) -> Figure:
    """One panel a column, one row a combination of settings: its runs, their mean and 95% interval.

    Args:
        runs: of `runs_df`, or any frame with these columns.
        by: columns of settings.
        columns: numbers to show.
        start: by column, a value to compare with, such as before the training.

    Returns:
        A dot for each run. The interval is Student's t over the runs of a row; a row of one run
        has none.
    """
    groups = list(runs.groupby(list(by), sort=False, dropna=False))
    labels = ["  ".join(map(str, values)) for values, _ in groups]
    height = 0.9 + 0.34 * len(groups)
    figure, found = panels(len(columns), columns=4, size=(2.9, height))
    for axes, column in zip(found, columns, strict=True):
        for place, (_, group) in enumerate(groups):
            _row(axes, group[column].astype("float64"), place)
        if start is not None and pd.notna(start.get(column)):
            axes.axvline(start[column], color=FAINT, linestyle=":", linewidth=1.4)
        axes.set(ylim=(len(groups) - 0.4, -0.6), title=axis_label(column))
        axes.set_yticks(range(len(groups)), labels)
        axes.grid(axis="y", visible=False)
        if not axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
            axes.tick_params(labelleft=False)
    return figure


@styled
def overlaid(
    runs: Mapping[str, pd.DataFrame],
    metrics: Sequence[str],
    band: tuple[float, float] | None = None,
) -> Figure:
    """One panel a metric, one smoothed line a run.

    Args:
        runs: name -> frame of `steps_df`.
        metrics: their columns. A run that lacks one has no line there.
        band: shaded in panels of `length/ratio`.
    """
    figure, found = panels(len(metrics))
    for axes, metric in zip(found, metrics, strict=True):
        for index, (name, steps) in enumerate(runs.items()):
            if metric in steps:
                style = "-" if index < 8 else "--"
                values = smooth(steps[metric])
                axes.plot(steps["step"], values, style, color=colour_of(index), label=name)
        if metric == "length/ratio" and band is not None:
            axes.axhspan(*band, color=BAND, alpha=0.11, linewidth=0)
        axes.set(title=metric, xlabel="step")
    handles, labels = found[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper")
    return figure


def _row(axes: Axes, values: pd.Series[float], place: int) -> None:
    values = values.dropna()
    if values.empty:
        return
    interval = t_interval(values)
    if interval is not None:
        axes.plot(interval, (place, place), color=colour_of(0), linewidth=3, alpha=0.3)
        axes.plot(values, [place] * len(values), "o", ms=4, color=colour_of(0), alpha=0.45, mew=0)
    axes.plot(values.mean(), place, "o", ms=7, color=colour_of(0))


def _handles(by: Sequence[str], levels: Sequence[Sequence[str]]) -> list[Line2D]:
    def entry(label: str, **look: object) -> Line2D:
        return Line2D([], [], linestyle="none", label=label, **look)  # type: ignore[arg-type]

    found: list[Line2D] = []
    for which, (name, values) in enumerate(zip(by, levels, strict=True)):
        found.append(entry(name))
        for index, value in enumerate(values):
            colour = colour_of(index) if which == 0 else FAINT
            marker = "o" if which == 0 else MARKERS[index % len(MARKERS)]
            found.append(entry(value, marker=marker, color=colour, ms=7))
    found.append(Line2D([], [], color=FAINT, label="Pareto front"))
    return found
