"""Does the reward pay for length?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from balcap.advantage.arrays import Float
from balcap.analysis.plots.style import BAD, BAND, FAINT, INK, colour_of, legend, panels, styled
from balcap.runs.metrics import varies

BINS = 12
FEWEST = 8
POINTS = 20_000
"""Captions that a cloud shows, evenly spread over its steps: more are one blot. Ours."""


@styled
def length_against_advantage(
    captions: pd.DataFrame, heads: Sequence[str], band: tuple[float, float] | None
) -> Figure:
    """Advantage over length in the first and the last third of the steps, and who pays for it.

    Args:
        captions: of `captions_df`, at least one.
        heads: the trained heads.
        band: the gate's band of length ratios, shaded; None for a run without one.

    Returns:
        Three panels. Length is the ratio to the reference where there are references, else words.
        Points beyond the 99.5th percentile of length lie outside the frame. Means and correlations
        are those of all captions, also where not all are drawn.
    """
    has_ratio = captions["ratio"].notna().any()
    name, label = ("ratio", "length / reference") if has_ratio else ("words", "length in words")
    known = captions.dropna(subset=[name, "advantage"])
    edge = float(known[name].quantile(0.995)) or 1.0
    figure, (early, late, credit) = panels(3)
    first, last = thirds(known["step"])
    if band is None:  # then nothing is outside
        known = known.assign(in_band=True)
    _cloud(early, known[first], name, "Advantage, first third of the steps")
    _cloud(late, known[last], name, "Advantage, last third")
    late.sharey(early)
    for index, head in enumerate(heads):
        binned = _binned(known[name], known[f"{head}.credit"])
        credit.plot(*binned, "o-", ms=3.5, color=colour_of(index), label=head)
    credit.axhline(0, color=FAINT, linewidth=0.8)
    credit.set_title("Mean credit of each head, all steps")
    for axes in (early, late, credit):
        axes.set(xlabel=label, xlim=(0, edge * 1.04))
        if band is not None and has_ratio:
            axes.axvspan(*band, color=BAND, alpha=0.11, linewidth=0, zorder=0)
        legend(axes)
    return figure


def thirds(steps: pd.Series[int]) -> tuple[pd.Series[bool], pd.Series[bool]]:
    """Which rows belong to the first, and which to the last third of the steps."""
    low, high = steps.min(), steps.max()
    third = (high - low + 1) / 3
    return steps < low + third, steps > high - third


def _cloud(axes: Axes, captions: pd.DataFrame, name: str, title: str) -> None:
    drawn = captions.iloc[:: math.ceil(len(captions) / POINTS) or 1]
    inside = drawn["in_band"]
    for label, rows, colour in (
        ("in the band", drawn[inside], colour_of(0)),
        ("outside", drawn[~inside], BAD),
    ):
        # thousands of points: as pixels, or the page grows by a megabyte
        axes.plot(
            rows[name], rows["advantage"], "o", ms=3, mew=0, alpha=0.35, color=colour,
            rasterized=True,
        )  # fmt: skip
        if len(rows) and not inside.all():
            axes.plot([], [], "o", ms=5, mew=0, color=colour, label=label)
    credit = captions.filter(regex=r"\.credit$").to_numpy(dtype=np.float64)
    trend = varies(captions["advantage"].to_numpy(), credit) and captions[name].nunique() > 1
    r = f" (r = {captions[name].corr(captions['advantage']):+.2f})" if trend else ""
    axes.plot(*_binned(captions[name], captions["advantage"]), "-", color=INK, label=f"mean{r}")
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.set_title(title)


def _binned(x: pd.Series[float], y: pd.Series[float]) -> tuple[Float, Float]:
    """Mean of x and of y in BINS bins of equal width, where a bin holds at least FEWEST captions.

    The bins end at the 99.5th percentile of x.
    """
    edges = np.linspace(x.min(), x.quantile(0.995), BINS + 1)
    bins = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, BINS - 1)
    groups = pd.DataFrame({"x": x, "y": y}).groupby(bins)
    means = groups.mean()[groups.size() >= FEWEST]
    return means["x"].to_numpy(dtype=np.float64), means["y"].to_numpy(dtype=np.float64)
