"""How did a run go, step by step?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from balcap.analysis.plots.style import (
    BAND,
    FAINT,
    as_share,
    colour_of,
    legend,
    line,
    panels,
    smooth,
    styled,
)

# from pale to dark; without the palest tenth, which is hardly seen on white, nor on black inverted
LATE = ListedColormap(mpl.colormaps["viridis_r"](np.linspace(0.1, 1, 256)))


@styled
def curves(steps: pd.DataFrame, heads: Sequence[str], band: tuple[float, float] | None) -> Figure:
    """Scores, length, and each head's share of the advantage's variance, over steps.

    Args:
        steps: of `steps_df`.
        heads: the trained heads.
        band: the gate's band of length ratios, shaded; None for a run without one.
    """
    figure, (scores, lengths, shares) = panels(3)
    for index, head in enumerate(heads):
        line(scores, steps, f"reward/{head}/mean", colour_of(index), head)
        line(shares, steps, f"reward/{head}/variance_share", colour_of(index), head)
    as_share(scores, *_columns(steps, [f"reward/{head}/mean" for head in heads]))
    scores.set(title="Mean score of the rollouts", xlabel="step")
    _length(lengths, steps, band)
    shares.axhline(0, color=FAINT, linewidth=0.8)
    shares.set(title="Share of the advantage's variance", xlabel="step")
    for axes in (scores, lengths, shares):
        legend(axes)
    return figure


@styled
def health(steps: pd.DataFrame, heads: Sequence[str]) -> Figure:
    """What can quietly go wrong: cells without a signal, captions without one, length as a goal.

    Args:
        steps: of `steps_df`.
        heads: the trained heads.
    """
    figure, (dead, captions, correlations) = panels(3)
    for index, head in enumerate(heads):
        line(dead, steps, f"reward/{head}/dead_groups", colour_of(index), head)
        unscored = _column(steps, f"reward/{head}/unscored")
        if unscored.gt(0).any():
            label = f"{head}, unscored"
            dead.plot(steps["step"], unscored, color=colour_of(index), ls=":", label=label)
    dead.set(title="Groups in which a head is silent", xlabel="step", ylim=(-0.02, 1.02))
    named = {"gate/pass": "length in the band", "length/truncated": "cut off at the longest length",
             "advantage/zero": "advantage 0"}  # fmt: skip
    for index, (name, label) in enumerate(named.items()):
        line(captions, steps, name, colour_of(index + 3), label)
    captions.set(title="Share of the captions", xlabel="step", ylim=(-0.02, 1.02))
    correlations.axhline(0, color=FAINT, linewidth=0.8)
    line(correlations, steps, "advantage/length_corr", "#22272e", "advantage, length")
    for index, (first, second) in enumerate(combinations(heads, 2)):
        label = f"{first}, {second}"
        line(correlations, steps, f"corr/{first}~{second}", colour_of(index + 4), label)
    correlations.set(title="Correlation over a step's captions", xlabel="step", ylim=(-1.05, 1.05))
    for axes in (dead, captions, correlations):
        legend(axes)
    return figure


@styled
def tradeoff_paths(steps: pd.DataFrame, heads: Sequence[str]) -> Figure:
    """Every pair of heads against each other: the way that the run took, step by step.

    Args:
        steps: of `steps_df`.
        heads: at least two trained heads.
    """
    pairs = list(combinations(heads, 2))
    figure, found = panels(len(pairs), size=(3.7, 3.4))
    for axes, (first, second) in zip(found, pairs, strict=True):
        x, y = (smooth(_column(steps, f"reward/{head}/mean")) for head in (first, second))
        _path(axes, x.to_numpy(), y.to_numpy(), steps["step"].to_numpy())
        axes.set(xlabel=f"{first}, mean score", ylabel=f"{second}, mean score")
        axes.set_title(f"{second} against {first}")
    return figure


def _path(axes: Axes, x: np.ndarray, y: np.ndarray, steps: np.ndarray) -> None:
    points = np.column_stack([x, y])
    segments = np.stack([points[:-1], points[1:]], axis=1)
    lines = LineCollection(list(segments), cmap=LATE, linewidth=2.2, capstyle="round")
    lines.set_array(steps[1:])
    axes.add_collection(lines)
    known = points[~np.isnan(points).any(axis=1)]
    if not len(known):
        return
    for place, label, fill in ((0, "first step", "white"), (-1, "last step", "#440154")):
        axes.plot(
            *known[place], "o", ms=8, mec="#440154", mfc=fill, mew=1.6, label=label, ls="none"
        )
    axes.margins(0.08)
    axes.legend(loc="best")


def _length(axes: Axes, steps: pd.DataFrame, band: tuple[float, float] | None) -> None:
    """The ratio to the reference where there are references, else the words."""
    if _column(steps, "length/ratio").isna().all():
        line(axes, steps, "length/words", colour_of(4), "words")
        axes.set(title="Length in words", xlabel="step", ylim=(0, None))
        return
    if band is not None:
        axes.axhspan(*band, color=BAND, alpha=0.13, linewidth=0, label="band of the gate")
    axes.axhline(1, color=FAINT, linewidth=0.8)
    line(axes, steps, "length/ratio", colour_of(4), "caption / reference")
    axes.set(title="Length, as a ratio to the reference", xlabel="step", ylim=(0, None))


def _column(steps: pd.DataFrame, name: str) -> pd.Series[float]:
    """A metric; all missing if the run has none of that name."""
    missing = pd.Series(np.nan, index=steps.index, dtype="float64")
    return pd.Series(steps.get(name, missing))


def _columns(steps: pd.DataFrame, names: Sequence[str]) -> list[pd.Series[float]]:
    return [_column(steps, name) for name in names]
