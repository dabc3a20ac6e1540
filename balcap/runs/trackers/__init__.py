"""Which experiment trackers hear of a run? One file each; none is imported unless asked for."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from balcap.errors import UserError
from balcap.runs.folder import RunFolder
from balcap.runs.trackers.tensorboard import TensorBoardLog
from balcap.runs.trackers.tracker import Tracker, summary_values
from balcap.runs.trackers.trackio import TrackioLog
from balcap.runs.trackers.wandb import WandbLog
from balcap.types import Sample

__all__ = ["Trackers", "check_installed", "summary_values"]

KINDS: dict[str, Callable[[], Tracker]] = {
    "wandb": WandbLog,
    "tensorboard": TensorBoardLog,
    "trackio": TrackioLog,
}


class Trackers:
    """Hands everything on to each of the trackers that are asked for."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._all = [KINDS[name]() for name in names]

    def begin(self, folder: RunFolder, project: str | None) -> None:
        """See `Tracker.begin`."""
        for tracker in self._all:
            tracker.begin(folder, project)

    def step(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """See `Tracker.step`."""
        for tracker in self._all:
            tracker.step(step, metrics)

    def captions(
        self, side: str, step: int, samples: Sequence[Sample], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """See `Tracker.captions`."""
        for tracker in self._all:
            tracker.captions(side, step, samples, rows)

    def summary(self, summary: Mapping[str, Any]) -> None:
        """See `Tracker.summary`."""
        for tracker in self._all:
            tracker.summary(summary)

    def end(self, exit_code: int = 0) -> None:
        """See `Tracker.end`."""
        for tracker in self._all:
            tracker.end(exit_code)


def check_installed(names: Sequence[str]) -> None:
    """Raise UserError for a tracker whose package is missing."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise UserError(f"--{name} needs the package {name}: pip install {name}")
