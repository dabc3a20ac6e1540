"""Where do normalisers agree, and where not?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from balcap.analysis.plots.style import BAD, FAINT, INK, colour_of, panels, styled


@styled
def agreement(correlations: pd.DataFrame) -> Figure:
    """A square of correlations, such as rank correlations between the advantages of rules.

    Args:
        correlations: [K, K], from -1 to 1, the same names on both sides.
    """
    count = len(correlations)
    figure, [axes] = panels(1, size=(1.6 + 0.62 * count, 1.1 + 0.55 * count))
    values = correlations.to_numpy(dtype=np.float64)
    low = np.floor(10 * float(np.nanmin(values)) - 0.5) / 10  # what differs shall be seen
    shown = axes.imshow(values, cmap="YlGnBu", vmin=low, vmax=1)
    for (row, column), value in np.ndenumerate(values):
        dark = value > low + 0.6 * (1 - low)
        text = "" if np.isnan(value) else f"{value:.2f}"
        axes.text(column, row, text, ha="center", va="center", color="white" if dark else INK)
    names = list(map(str, correlations.columns))
    axes.set_xticks(range(count), names, rotation=35, ha="right")
    axes.set_yticks(range(count), names)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    figure.colorbar(shown, ax=axes, shrink=0.8, pad=0.03).outline.set_visible(False)
    return figure


@styled
def disagreement(advantages: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> Figure:
    """One rule's advantage against another's, a point a caption; where the sign changes, in red.

    Args:
        advantages: a column a rule, a row a caption.
        pairs: columns to compare. Each advantage is shown in units of its standard deviation.
    """
    figure, found = panels(len(pairs), size=(3.7, 3.5))
    for axes, (first, second) in zip(found, pairs, strict=True):
        x, y = (advantages[name] / (advantages[name].std() or 1.0) for name in (first, second))
        turned = (x * y) < 0
        for rows, colour in ((~turned, colour_of(0)), (turned, BAD)):
            axes.plot(
                x[rows], y[rows], "o", ms=3.5, mew=0, alpha=0.5, color=colour, rasterized=True
            )
        reach = 1.05 * max(x.abs().max(), y.abs().max()) or 1.0
        axes.axhline(0, color=FAINT, linewidth=0.8)
        axes.axvline(0, color=FAINT, linewidth=0.8)
        axes.axline((0, 0), slope=1, color=FAINT, linewidth=0.8, linestyle=":")
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        axes.set(xlabel=f"advantage by {first}", ylabel=f"by {second}")
        axes.set_title(f"{turned.mean():.0%} change sign")
    return figure


@styled
def loudness(shares: Mapping[str, Mapping[str, float]]) -> Figure:
    """How much of the signal is each head's, by rule: bars that add up to 1.

    Args:
        shares: rule -> head -> share of the mean absolute credit.
    """
    frame = pd.DataFrame(shares).T
    figure, [axes] = panels(1, size=(7, 0.9 + 0.36 * len(frame)))
    left = np.zeros(len(frame))
    for index, head in enumerate(frame.columns):
        widths = frame[head].to_numpy(dtype=np.float64)
        axes.barh(range(len(frame)), widths, left=left, color=colour_of(index), height=0.68,
                  label=str(head), edgecolor="white", linewidth=1)  # fmt: skip
        for place, (start, width) in enumerate(zip(left, widths, strict=True)):
            if width > 0.06:
                middle = start + width / 2
                axes.text(middle, place, f"{width:.0%}", color="white", ha="center", va="center")
        left = left + widths
    axes.set_yticks(range(len(frame)), list(map(str, frame.index)))
    axes.set(xlim=(0, 1), ylim=(len(frame) - 0.4, -0.6))
    axes.grid(visible=False)
    axes.tick_params(labelbottom=False)
    axes.spines[:].set_visible(False)
    figure.legend(loc="outside upper left", ncols=len(frame.columns))
    return figure
