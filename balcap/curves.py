"""A run's metrics as one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO

import numpy as np

from balcap.matrix import Float

Rows = Sequence[Mapping[str, float | None]]


def draw(rows: Rows, heads: Sequence[str], band: tuple[float, float], file: IO[bytes]) -> None:
    """Draw scores, length and share of the advantage over steps, as PNG.

    Args:
        rows: one mapping of metrics per step.
        heads: heads to draw.
        band: the gate's band of length ratios, shaded.
        file: where the PNG goes.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4), layout="constrained")
    scores, lengths, shares = figure.subplots(1, 3)
    steps = _column(rows, "step")
    for index, head in enumerate(heads):
        colour = f"C{index}"
        _line(scores, steps, _column(rows, f"reward/{head}/mean"), colour, head)
        _line(shares, steps, _column(rows, f"reward/{head}/variance_share"), colour, head)
    scores.set(title="Mean score of the rollouts", ylim=(0, 1.02), xlabel="step")
    lengths.axhspan(*band, color="C2", alpha=0.12, label="band of the gate")
    _line(lengths, steps, _column(rows, "length/ratio"), "C4", "caption / reference")
    lengths.set(title="Length", xlabel="step", ylim=(0, None))
    shares.axhline(0, color="0.8", linewidth=0.8)
    shares.set(title="Share of the advantage's variance", xlabel="step")
    for axes in (scores, lengths, shares):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(file, format="png", dpi=110)


def _column(rows: Rows, name: str) -> Float:
    return np.array([row.get(name) for row in rows], dtype=np.float64)


def _line(axes: object, steps: Float, values: Float, colour: str, label: str) -> None:
    """The values as they are, faint, and their running mean over a tenth of the steps."""
    width = max(1, len(values) // 10)
    smooth = np.array([_mean(values[max(0, i + 1 - width) : i + 1]) for i in range(len(values))])
    axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.8)  # type: ignore[attr-defined]
    axes.plot(steps, smooth, color=colour, label=label)  # type: ignore[attr-defined]


def _mean(values: Float) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
