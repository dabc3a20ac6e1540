"""What does Weights & Biases get to know of a run?

Each step's metrics under the names of the table on top of `balcap.runs.metrics`; the numbers of
summary.json as `before/qa`, `after/harmonic_mean`, ...; and one table a side, `captions/before` and
`captions/after`, with images and scores.

Online, offline (WANDB_MODE=offline) or under an agent of a sweep, whose run it then is. Nothing
that goes wrong in wandb ends a run: it costs one warning, and wandb is left alone from there on.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from balcap.console import say
from balcap.runs.folder import RunFolder
from balcap.types import Sample

SAMPLES = 16  # held-out samples in a table of captions; the same ones on both sides
PIXELS = 512  # longest side of their images
LOGIN = 60.0  # seconds that a terminal is asked for a key
UPLOAD = 300.0  # seconds that the end of a run waits for the last upload


class WandbLog:
    """A run of wandb. Before `begin`, and after anything went wrong, every method does nothing."""

    def __init__(self) -> None:
        self._run: Any = None

    def begin(self, folder: RunFolder, project: str) -> None:
        """Start a run of wandb, or go on with the one that `folder` had.

        Args:
            folder: of the run, already made; wandb's files go there, unless WANDB_DIR is set.
            project: of wandb.
        """

        def begin() -> None:
            self._run = _begin(folder, project)

        self._try(begin)

    def step(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Log one step's metrics; those without a value are left out."""
        self._log(step, lambda: {k: v for k, v in metrics.items() if v is not None})

    def captions(
        self, side: str, step: int, samples: Sequence[Sample], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Log a table of some held-out captions.

        Args:
            side: before or after.
            step: the last one done.
            samples: N held-out samples.
            rows: N captions of them with their scores, as in `captions.json`.
        """
        self._log(step, lambda: {f"captions/{side}": _table(samples, rows)})

    def summary(self, summary: Mapping[str, Any]) -> None:
        """Write the numbers of `summary.json`."""
        self._try(lambda: self._run and self._run.summary.update(summary_values(summary)))

    def end(self, exit_code: int = 0) -> None:
        """End the run of wandb. Waits for its last upload, but not for ever."""
        self._try(lambda: self._run and self._run.finish(exit_code=exit_code))
        self._run = None

    def _log(self, step: int, make: Callable[[], dict[str, Any]]) -> None:
        self._try(lambda: self._run and self._run.log(make(), step=step))

    def _try(self, call: Callable[[], Any]) -> None:
        """Call wandb; at its first failure warn, and call it no more."""
        try:
            call()
        except Exception as error:  # whatever it is, the training matters more
            self._run = None
            say(f"\nwandb is left out from here on: {str(error).strip() or type(error).__name__}")


def summary_values(summary: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of `summary.json` under flat names: `after/qa`, `after/scored/qa`, `steps`."""
    found: dict[str, float] = {}
    for name, value in summary.items():
        if isinstance(value, Mapping):
            found |= {f"{name}/{key}": one for key, one in summary_values(value).items()}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = value
    return found


def _begin(folder: RunFolder, project: str) -> Any:
    import wandb
    import yaml

    given: dict[str, Any] = {}
    id_file = folder.path / "wandb-id.txt"
    if "WANDB_SWEEP_ID" not in os.environ:  # there the agent has decided on project and id
        given |= {"project": project, "name": folder.path.name}
        if id_file.is_file():
            given |= {"id": id_file.read_text().strip(), "resume": "allow"}
    if "WANDB_DIR" not in os.environ:
        given["dir"] = str(folder.path)
    # the images of an offline run's tables: in the home folder, wandb's place for them, they would
    # be missing where another machine sends the run
    os.environ.setdefault("WANDB_DATA_DIR", str((folder.path / "wandb" / "data").resolve()))
    # balcap prints its own lines, and a captured output breaks the progress line
    options: dict[str, Any] = {"silent": True, "console": "off", "login_timeout": LOGIN}
    if "finish_timeout" in wandb.Settings.model_fields:  # not in older releases
        options["finish_timeout"] = UPLOAD
    # its own, not wandb.run: TRL would write its address into a model card at every checkpoint
    run = wandb.init(**given, reinit="create_new", settings=wandb.Settings(**options))
    id_file.write_text(f"{run.id}\n")
    settings = yaml.safe_load(folder.config.read_text(encoding="utf-8"))
    # what a sweep has set is locked
    new = {name: settings[name] for name in settings if name not in run.config}
    run.config.update(new)  # type: ignore[no-untyped-call]
    if run.offline:
        say(f"wandb    offline; send it with: wandb sync {run.settings.sync_dir}")
    else:
        say(f"wandb    {run.url}")
    return run


def _table(samples: Sequence[Sample], rows: Sequence[Mapping[str, Any]]) -> Any:
    import wandb

    heads = list(rows[0]["scores"])
    table = wandb.Table(columns=["sample", "image", "caption", *heads])
    chosen = random.Random(0).sample(range(len(rows)), min(SAMPLES, len(rows)))
    for place in sorted(chosen):
        picture = samples[place].open_image()
        picture.thumbnail((PIXELS, PIXELS))
        row = rows[place]
        scores = [row["scores"][head] for head in heads]
        table.add_data(row["sample"], wandb.Image(picture), row["caption"], *scores)
    return table
