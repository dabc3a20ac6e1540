"""From the data frames of `balcap.analysis` to pictures: pure functions that return a Figure.

    from balcap.analysis import steps_df
    from balcap.analysis.plots import curves
    curves(steps_df("runs/second"), heads=("qa", "cov"), band=(0.5, 2.0))

Heads keep their order, and with it their colour, in every picture. No global state of matplotlib
is touched: nothing has to be closed, and pictures may be drawn in any thread. Imports no torch.
"""

from balcap.analysis.plots.credit import agreement, disagreement, loudness
from balcap.analysis.plots.lengths import length_against_advantage
from balcap.analysis.plots.runs import dots, fronts, overlaid
from balcap.analysis.plots.steps import curves, health, tradeoff_paths
from balcap.analysis.plots.style import colour_of

__all__ = [
    "agreement",
    "colour_of",
    "curves",
    "disagreement",
    "dots",
    "fronts",
    "health",
    "length_against_advantage",
    "loudness",
    "overlaid",
    "tradeoff_paths",
]
