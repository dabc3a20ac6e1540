"""Runs as data frames, and what is asked of them: trade-offs, intervals, other advantages.

    from balcap.analysis import runs_df, captions_df, pareto_front
    runs = runs_df("runs")                       # one row a run
    front = pareto_front(runs, ["after.qa", "after.cov"])
    captions = captions_df(runs.path[0])         # one row a caption

Nothing here imports torch. A run may be read while it is being written and after a kill: what is
not whole yet is left out.
"""

from balcap.analysis.frames import find_runs
from balcap.analysis.overview import runs_df
from balcap.analysis.replay import replayed_df
from balcap.analysis.shared_heads import over_shared_heads, shared_heads
from balcap.analysis.tables import captions_df, heads_of, held_out_df, scores_df, steps_df
from balcap.analysis.tradeoffs import harmonic_mean, hypervolume, pareto_front
from balcap.analysis.varying import evaluated_heads, varying_settings
from balcap.statistics import bootstrap_interval, t_interval

__all__ = [
    "bootstrap_interval",
    "captions_df",
    "evaluated_heads",
    "find_runs",
    "harmonic_mean",
    "heads_of",
    "held_out_df",
    "hypervolume",
    "over_shared_heads",
    "pareto_front",
    "replayed_df",
    "runs_df",
    "scores_df",
    "shared_heads",
    "steps_df",
    "t_interval",
    "varying_settings",
]
