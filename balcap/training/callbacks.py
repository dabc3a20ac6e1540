"""What a training leaves behind while it runs: rollouts, metrics, progress."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import TrainerCallback

from balcap.heads.scoring import commonest
from balcap.runs.folder import RunFolder
from balcap.runs.metrics import Metrics, step_metrics, trl_metrics
from balcap.runs.rollouts import Rollouts
from balcap.runs.trackers import Trackers
from balcap.training.progress import Progress


class Recorder(TrainerCallback):  # type: ignore[misc]  # transformers' base is untyped here
    """Writes each step's rollouts and metrics, and shows the progress.

    Args:
        folder: of the run; None on processes that write nothing.
        progress: the line to renew; None on processes that print nothing.
        trackers: get the metrics too, once they have begun.
    """

    def __init__(
        self, folder: RunFolder | None, progress: Progress | None, trackers: Trackers
    ) -> None:
        self.folder = folder
        self.progress = progress
        self.trackers = trackers
        self.newest: Metrics = {}
        self._pending: Metrics = {}
        self._noted: set[tuple[str, str]] = set()
        self._step_began = time.perf_counter()

    def keep(
        self, step: int, rollouts: Rollouts, seconds: dict[str, float], bad_images: int = 0
    ) -> None:
        """Write a batch of rollouts to disk; called before the update that uses them."""
        if self.folder is None:
            return
        self.folder.add_rollouts(step, rollouts.columns(step))
        self._pending = self.newest = {
            **step_metrics(rollouts, seconds),
            "data/bad_images": float(bad_images),
        }
        columns = zip(*(row.reasons for row in rollouts.rows), strict=True)
        self.note_reasons(f"step {step}", dict(zip(rollouts.heads, columns, strict=True)))

    def note_reasons(self, when: str, reasons: Mapping[str, Sequence[str | None]]) -> None:
        """Say why captions have no score: of each head the commonest reason, each reason once.

        Args:
            when: where this happened.
            reasons: of each head's captions; None for one with a score.
        """
        for head, column in reasons.items():
            found = commonest(column)
            if found is None or self.progress is None:
                continue
            alike = (head, _PARTICULARS.sub("", found[0]))
            if alike not in self._noted:
                self._noted.add(alike)
                count = sum(reason is not None for reason in column)
                self.progress.note(
                    f"{when}: no score of {head} for {count} of {len(column)} captions, mostly: "
                    f"{found[0]}"
                )

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock of a step. transformers calls this after the first batch is drawn."""
        self._step_began = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Write a step's metrics once TRL has logged its update."""
        if self.folder is None or "loss" not in logs:
            return
        step = time.perf_counter() - self._step_began
        before = sum(self._pending.get(f"seconds/{part}") or 0.0 for part in ("generate", "score"))
        metrics = {
            **self._pending,
            **trl_metrics(logs),
            "seconds/step": step,
            "seconds/update": max(0.0, step - before),
        }
        self._pending = {}  # of several updates on one batch, the first is the batch's
        self.folder.add_metrics(state.global_step, metrics)
        self.trackers.step(state.global_step, metrics)
        if self.progress is not None:
            self.progress.show(state.global_step, metrics)


# what differs between two reasons that are the same: numbers, and what is quoted of an answer
_PARTICULARS = re.compile(r"""\d+|'[^']*'|"[^"]*\"""")
