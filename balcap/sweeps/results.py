"""What did a finished run of a search score?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from balcap.errors import UserError, did_you_mean
from balcap.runs.folder import RunFolder
from balcap.runs.trackers import summary_values
from balcap.sweeps.file import Metric
from balcap.sweeps.folder import Slot
from balcap.sweeps.search import Trial


def trial(slot: Slot, job: Mapping[str, Any], metrics: Sequence[Metric]) -> Trial:
    """A run that was started, as the search sees it. `job` is the content of its job.json."""
    values = job["values"]
    if not slot.is_finished():
        ended = job.get("exit_code") is not None
        return Trial(values, "failed" if ended else "running")
    scores = tuple(score(slot.run, metric.name) for metric in metrics)
    if not all(math.isfinite(one) for one in scores):
        return Trial(values, "failed")
    return Trial(values, "finished", scores)


def history(run: RunFolder, metric: Metric) -> list[float]:
    """The metric's values over the steps so far, smaller being better; NaN and None left out."""
    sign = -1.0 if metric.maximize else 1.0
    found = (row.get(metric.name) for row in run.read_metrics())
    return [sign * value for value in found if value is not None and math.isfinite(value)]


def check_metrics(slot: Slot, metrics: Sequence[Metric]) -> None:
    """Check that a finished run knows every metric, if only without a value.

    Raises:
        UserError: naming the nearest names that it has: no other run would have the metric either.
    """
    run = slot.run
    rows = run.read_metrics()
    names = [*summary_values(run.read_json(run.summary)), *(rows[-1] if rows else ())]
    for metric in metrics:
        if names and metric.name not in names:
            near = [name for name in names if name.startswith("after/") or "/mean" in name]
            raise UserError(
                f"run {slot.number} has no metric {metric.name!r}{did_you_mean(metric.name, names)}"
                f"; it has {', '.join(near or names)}; correct `metric:` in the sweep file: the "
                "same command then goes on, and the runs that are done count"
            )


def score(run: RunFolder, name: str) -> float:
    """A metric of a run under the name that wandb knows it by; NaN if the run has no such number.

    Looked up in the summary (`after/qa`), then in the last step's metrics (`reward/qa/mean`).
    """
    found = summary_values(run.read_json(run.summary)).get(name)
    if found is None:
        rows = run.read_metrics()
        found = rows[-1].get(name) if rows else None
    return math.nan if found is None else float(found)
