"""`balcap sweep show`: which settings vary between runs, and what came of each choice?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from balcap.analysis import (
    evaluated_heads,
    over_shared_heads,
    runs_df,
    shared_heads,
    t_interval,
    varying_settings,
)
from balcap.config.sweep import SweepShowSettings
from balcap.console import filled, say, table

NOTE = (
    "after training, on the held-out set, sampled: mean over seeds, and half the width of its 95% "
    "interval (Student's t); no interval where there is one run"
)
OTHER_SCORES = ("words", "gate_rate", "fact_precision", "fact_recall")


def show(settings: SweepShowSettings) -> int:
    """Print the table of the runs in a folder; returns the exit code.

    Raises:
        UserError: if there is no such folder.
    """
    folder = settings.folder
    runs = runs_df(folder)
    finished = runs[runs["state"] == "finished"]
    if finished.empty:
        say(f"no finished run in {folder} ({len(runs)} runs in all)")
        return 0
    found = rows(finished)
    say(table(found, keys=list(found[0]).index("runs") or 1))
    say(f"\n{filled(NOTE)}")
    if note := shared_heads(finished).note:
        say(filled(note))
    if len(finished) < len(runs):
        others = runs["state"].value_counts().drop("finished")
        say("not shown: " + ", ".join(f"{count} {state}" for state, count in others.items()))
    return 0


def rows(runs: pd.DataFrame) -> list[dict[str, str]]:
    """One row for each combination of settings but the seed, as text.

    The harmonic mean is over the heads that all the runs share.

    Args:
        runs: as `runs_df` gives them, at least one.
    """
    runs, _ = over_shared_heads(runs)
    settings = [name for name in varying_settings(runs) if name != "seed"]
    names = ("harmonic_mean", *evaluated_heads(runs), *OTHER_SCORES)
    scores = [name for name in names if f"after.{name}" in runs]
    found = []
    groups = runs.groupby(settings, dropna=False, sort=False) if settings else [((), runs)]
    for values, group in groups:
        row = {name: _setting(value) for name, value in zip(settings, values, strict=True)}
        row["runs"] = str(len(group))
        row |= {name: _mean(group[f"after.{name}"]) for name in scores}
        found.append(row)
    return found


def _setting(value: Any) -> str:
    """Drawn values to four digits; the sweep's job.json and the run's config.yaml have them all."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _mean(values: pd.Series[float]) -> str:
    known = values.dropna()
    if known.empty:
        return "-"
    interval = t_interval(known)
    half = f" ±{(interval[1] - interval[0]) / 2:.3f}" if interval else ""
    return f"{known.mean():.3f}{half}"
