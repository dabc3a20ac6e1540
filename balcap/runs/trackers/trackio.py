"""Trackio: local unless its TRACKIO_ variables say otherwise; `trackio show` opens it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from balcap.console import say
from balcap.runs.folder import RunFolder
from balcap.runs.trackers.tracker import Tracker, settings_of, thumbnail_of
from balcap.types import Sample


class TrackioLog(Tracker):
    """A run of Trackio."""

    name = "trackio"

    def _begin(self, folder: RunFolder, project: str | None) -> Any:
        import trackio

        project = project or os.environ.get("TRACKIO_PROJECT") or "balcap"
        run = trackio.init(
            project=project,
            name=folder.path.name,
            config=settings_of(folder),
            resume="allow",
            embed=False,
        )
        say(f"trackio  trackio show --project {project}")
        return run

    def _step(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=step)

    def _captions(
        self, side: str, step: int, samples: Sequence[Sample], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        import trackio

        found = []
        for sample, row in zip(samples, rows, strict=True):
            image = trackio.Image(thumbnail_of(sample))
            found.append([row["sample"], image, row["caption"], *row["scores"].values()])
        columns = ["sample", "image", "caption", *rows[0]["scores"]]
        table = trackio.Table(columns=columns, data=found, allow_mixed_types=True)
        self._run.log({f"captions/{side}": table}, step=step)

    def _summary(self, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=int(values.get("steps", 0)))

    def _end(self, exit_code: int) -> None:
        self._run.finish()
