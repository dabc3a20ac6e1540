"""A run's metrics as one picture, for its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO

Rows = Sequence[Mapping[str, float | None]]


def draw(rows: Rows, heads: Sequence[str], band: tuple[float, float], file: IO[bytes]) -> None:
    """Draw scores, length and share of the advantage over steps, as PNG.

    Args:
        rows: one mapping of metrics per step, at least one.
        heads: heads to draw.
        band: the gate's band of length ratios, shaded.
        file: where the PNG goes.
    """
    import pandas as pd  # here, because a training that starts has no use for pictures

    from balcap.analysis.plots import curves

    steps = pd.DataFrame(list(rows), dtype="float64")
    curves(steps, heads, band).savefig(file, format="png", dpi=130)
