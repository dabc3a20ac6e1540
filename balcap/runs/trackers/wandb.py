"""Weights & Biases: online, offline (WANDB_MODE=offline) or under an agent of a sweep.

Metrics under the names of the table on top of `balcap.runs.metrics`, over balcap's own `step`; the
numbers of summary.json as `before/qa`, `after/harmonic_mean`, ...; tables of captions with images.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from balcap.console import say
from balcap.runs.folder import RunFolder
from balcap.runs.trackers.tracker import Tracker, settings_of, thumbnail_of
from balcap.types import Sample

LOGIN = 60.0  # seconds that a terminal is asked for a key
UPLOAD = 300.0  # seconds that the end of a run waits for the last upload


class WandbLog(Tracker):
    """A run of wandb."""

    name = "wandb"

    def _begin(self, folder: RunFolder, project: str | None) -> Any:
        import wandb

        id_file = folder.path / "wandb-id.txt"
        # the images of an offline run's tables: in the home folder, wandb's place for them, they
        # would be missing where another machine sends the run
        os.environ.setdefault("WANDB_DATA_DIR", str((folder.path / "wandb" / "data").resolve()))
        options: dict[str, Any] = {"silent": True, "console": "wrap", "login_timeout": LOGIN}
        if "finish_timeout" in wandb.Settings.model_fields:  # not in older releases
            options["finish_timeout"] = UPLOAD
        # its own, not wandb.run: TRL would write its address into a model card at every checkpoint
        run = wandb.init(
            **_place(folder, project), reinit="create_new", settings=wandb.Settings(**options)
        )
        id_file.write_text(f"{run.id}\n")
        run.define_metric("step")
        run.define_metric("*", step_metric="step")
        settings = settings_of(folder)
        # what a sweep has set is locked
        new = {name: settings[name] for name in settings if name not in run.config}
        run.config.update(new)  # type: ignore[no-untyped-call]
        if run.offline:
            say(f"wandb    offline; send it with: wandb sync {run.settings.sync_dir}")
        else:
            say(f"wandb    {run.url}")
        return run

    def _step(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log({"step": step, **metrics}, step=step)

    def _captions(
        self, side: str, step: int, samples: Sequence[Sample], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        self._run.log({"step": step, f"captions/{side}": _table(samples, rows)}, step=step)

    def _summary(self, values: Mapping[str, float]) -> None:
        self._run.summary.update(values)

    def _end(self, exit_code: int) -> None:
        self._run.finish(exit_code=exit_code)


def _place(folder: RunFolder, project: str | None) -> dict[str, Any]:
    """Project, name, id and folder: what the user said, else what wandb's variables say."""
    given: dict[str, Any] = {}
    id_file = folder.path / "wandb-id.txt"
    if "WANDB_SWEEP_ID" not in os.environ:  # there the agent has decided on project and id
        if project or "WANDB_PROJECT" not in os.environ:
            given["project"] = project or "balcap"
        if "WANDB_NAME" not in os.environ:
            given["name"] = folder.path.name
        if id_file.is_file():
            given |= {"id": id_file.read_text().strip(), "resume": "allow"}
    if "WANDB_DIR" not in os.environ:
        given["dir"] = str(folder.path)
    return given


def _table(samples: Sequence[Sample], rows: Sequence[Mapping[str, Any]]) -> Any:
    import wandb

    heads = list(rows[0]["scores"])
    table = wandb.Table(columns=["sample", "image", "caption", *heads])
    for sample, row in zip(samples, rows, strict=True):
        picture = wandb.Image(thumbnail_of(sample))
        scores = [row["scores"][head] for head in heads]
        table.add_data(row["sample"], picture, row["caption"], *scores)
    return table
