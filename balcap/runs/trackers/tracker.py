"""What every experiment tracker is told of a run, and what happens when one fails."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from balcap.console import say
from balcap.runs.folder import RunFolder
from balcap.types import Sample

if TYPE_CHECKING:
    from PIL.Image import Image

SAMPLES = 16  # held-out samples in a table of captions; the same ones each time
PIXELS = 512  # longest side of their images


class Tracker(ABC):
    """A run as one tracker sees it. Before `begin`, and after a failure, every method does nothing.

    Nothing that goes wrong in a tracker ends a run: it costs one warning, and the tracker is left
    alone from there on.
    """

    name: ClassVar[str]

    def __init__(self) -> None:
        self._run: Any = None

    def begin(self, folder: RunFolder, project: str | None) -> None:
        """Start a run of the tracker, or go on with the one that `folder` had.

        Args:
            folder: of the run, already made, with its settings in it.
            project: of the tracker; None: the one of its environment variable, or `balcap`.
        """

        def begin() -> None:
            self._run = self._begin(folder, project)

        self._try(begin)

    def step(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Log one step's metrics; those without a value are left out."""
        known = {name: value for name, value in metrics.items() if value is not None}
        self._with_run(lambda: self._step(step, known))

    def captions(
        self, side: str, step: int, samples: Sequence[Sample], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Log a table of some held-out captions.

        Args:
            side: before, during or after.
            step: the last one done.
            samples: N held-out samples.
            rows: N captions of them with their scores, as in `captions.json`.
        """
        places = chosen(len(rows))
        shown = [samples[i] for i in places], [rows[i] for i in places]
        self._with_run(lambda: self._captions(side, step, *shown))

    def summary(self, summary: Mapping[str, Any]) -> None:
        """Write the numbers of `summary.json`."""
        self._with_run(lambda: self._summary(summary_values(summary)))

    def end(self, exit_code: int = 0) -> None:
        """End the tracker's run. Waits for its last upload, but not for ever."""
        self._with_run(lambda: self._end(exit_code))
        self._run = None

    @abstractmethod
    def _begin(self, folder: RunFolder, project: str | None) -> Any: ...

    @abstractmethod
    def _step(self, step: int, metrics: Mapping[str, float]) -> None: ...

    @abstractmethod
    def _captions(
        self, side: str, step: int, samples: Sequence[Sample], rows: Sequence[Mapping[str, Any]]
    ) -> None: ...

    @abstractmethod
    def _summary(self, values: Mapping[str, float]) -> None: ...

    @abstractmethod
    def _end(self, exit_code: int) -> None: ...

    def _with_run(self, call: Callable[[], None]) -> None:
        if self._run is not None:
            self._try(call)

    def _try(self, call: Callable[[], None]) -> None:
        """Call the tracker; at its first failure warn, and call it no more."""
        try:
            call()
        except Exception as error:  # whatever it is, the training matters more
            self._run = None
            reason = str(error).strip() or type(error).__name__
            say(f"\n{self.name} is left out from here on: {reason}")


def chosen(count: int) -> list[int]:
    """Places of the samples that tables show, of `count`: the same ones each time."""
    return sorted(random.Random(0).sample(range(count), min(SAMPLES, count)))


def thumbnail_of(sample: Sample) -> Image:
    """A sample's picture, no longer than `PIXELS`."""
    picture = sample.open_image()
    picture.thumbnail((PIXELS, PIXELS))
    return picture


def settings_of(folder: RunFolder) -> dict[str, Any]:
    """The settings of a run as its config.yaml has them."""
    import yaml

    settings: dict[str, Any] = yaml.safe_load(folder.config.read_text(encoding="utf-8"))
    return settings


def summary_values(summary: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of `summary.json` under flat names: `after/qa`, `after/scored/qa`, `steps`."""
    found: dict[str, float] = {}
    for name, value in summary.items():
        if isinstance(value, Mapping):
            found |= {f"{name}/{key}": one for key, one in summary_values(value).items()}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = value
    return found
