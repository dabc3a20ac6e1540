"""The probe as a heat map: where does an attack gain, where is it caught?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from balcap.advantage.arrays import Float
from balcap.analysis.plots.style import BAD, FAINT, GOOD, INK, panels, styled
from balcap.evaluation.probe.findings import Finding
from balcap.evaluation.probe.honest import PART, WHOLE

COLOURS = LinearSegmentedColormap.from_list("caught", [GOOD, "#f7f6f3", BAD])
TITLE = "What an attack gains on the honest caption behind it"
LEGEND = (
    "green: it loses; red: it gains; a red name: it wins. Heads before the length gate, sums after"
)


@styled
def heat_map(found: Sequence[Finding], heads: Sequence[str], margin: float) -> Figure:
    """Each attack's scores minus those of the honest captions behind it.

    The colour goes with the root of the difference: a small gain shall be seen beside large losses.

    Args:
        found: at least one finding.
        heads: the columns, before the two of the weighted sum.
        margin: from when on an attack wins.
    """
    columns = [*heads, f"sum,\n{WHOLE}", f"sum,\n{PART}"]
    size = (max(6.4, 2.0 + 0.85 * len(columns)), 1.5 + 0.27 * len(found))
    figure, [axes] = panels(1, size=size)
    _cells(axes, _values(found, heads))
    axes.axvline(len(heads) - 0.5, color="white", linewidth=6)
    axes.set_xticks(range(len(columns)), columns)
    axes.tick_params(labeltop=True, labelbottom=False)
    axes.set_yticks(range(len(found)), [finding.attack for finding in found])
    for label, finding in zip(axes.get_yticklabels(), found, strict=True):
        if finding.wins(margin):
            label.set(color=BAD, fontweight="bold")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    figure.suptitle(TITLE, x=0.02, ha="left", fontsize=10, fontweight="bold")
    figure.supxlabel(LEGEND, x=0.02, ha="left", fontsize=8, color=FAINT)
    return figure


def _cells(axes: Axes, values: Float) -> None:
    shades = np.sign(values) * np.sqrt(np.abs(values))
    reach = max(0.3, float(np.nanmax(np.abs(shades), initial=0.0)))
    axes.imshow(shades, cmap=COLOURS, vmin=-reach, vmax=reach, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        slight = np.isnan(value) or abs(value) < 0.005
        text = "–" if np.isnan(value) else "0" if slight else f"{value:+.2f}"
        strong = not slight and abs(shades[row, column]) > 0.75 * reach
        colour = FAINT if slight else "white" if strong else INK
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)


def _values(found: Sequence[Finding], heads: Sequence[str]) -> Float:
    rows = [
        [*(one.gaps[head] for head in heads), one.against[WHOLE], one.against[PART]]
        for one in found
    ]
    return np.array(rows, dtype=np.float64)  # None becomes NaN
