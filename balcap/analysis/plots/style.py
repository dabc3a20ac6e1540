"""What do all pictures have in common? Colours, fonts, frames, and lines that can be read."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#22272e"
FAINT = "#8a94a0"
GRID = "#e6e9ed"
BAND = "#3a9679"
GOOD, BAD = "#2f8f6b", "#c2503d"
COLOURS = (
    "#3566b0", "#df7e1d", "#2f8f6b", "#b5407d", "#7a63b8", "#8a6a3b", "#1f93a8", "#6b7480",
)  # fmt: skip
MARKERS = "osD^vPX<>"

STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": 9,
    "axes.labelcolor": "#4a525c",
    "axes.edgecolor": "#b9c0c8",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": "#4a525c",
    "ytick.color": "#4a525c",
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 1.4,
    "lines.linewidth": 1.9,
    "lines.solid_capstyle": "round",
    "figure.dpi": 110,
    "savefig.dpi": 150,
}

P = ParamSpec("P")


def styled(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with balcap's style, and leave the settings of matplotlib as they were."""

    @wraps(function)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(STYLE):  # type: ignore[arg-type]  # the stub wants its own literals
            return function(*args, **kwargs)

    return drawn


def panels(
    count: int, columns: int = 3, size: tuple[float, float] = (3.7, 3.1)
) -> tuple[Figure, list[Axes]]:
    """A figure of `count` axes of one size (inches), in rows of at most `columns`."""
    columns = min(count, columns)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)  # type: ignore[union-attr, call-arg]
    found = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in found[count:]:
        spare.remove()
    return figure, found[:count]


def colour_of(index: int) -> str:
    """Colour of the head (or setting) at a place, from 0; they repeat after eight."""
    return COLOURS[index % len(COLOURS)]


def smooth(values: pd.Series[float]) -> pd.Series[float]:
    """Mean over the last tenth of the steps, at each step; what is missing does not count."""
    return values.rolling(max(1, len(values) // 10), min_periods=1).mean()


def line(axes: Axes, steps: pd.DataFrame, name: str, colour: str, label: str) -> None:
    """A metric over steps: as it is, faint, and smoothed. Nothing if the run has no such metric."""
    if name not in steps or steps[name].isna().all():
        return
    axes.plot(steps["step"], steps[name], color=colour, alpha=0.22, linewidth=0.9)
    axes.plot(steps["step"], smooth(steps[name]), color=colour, label=label)


def legend(axes: Axes) -> None:
    """A legend, if there is anything to explain."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend()


def as_share(axes: Axes, *values: pd.Series[float]) -> None:
    """Let the vertical axis go from 0 to 1, if that is where the values lie."""
    known = pd.concat(values).dropna() if values else pd.Series(dtype="float64")
    if known.between(0, 1).all():
        axes.set_ylim(-0.02, 1.02)


def axis_label(column: str) -> str:
    """A column of `runs_df` in words: `after_greedy.qa` is "qa, after greedy"."""
    side, dot, name = column.partition(".")
    return f"{name}, {side}".replace("_", " ") if dot else column
