"""Ctrl-C and SIGTERM: how does a training end early, on all processes at the same step?"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from transformers import TrainerCallback

from balcap import distributed
from balcap.console import say


class StopOnSignal(TrainerCallback):  # type: ignore[misc]
    """Ctrl-C or SIGTERM (Slurm) ends the training after the step in flight, with a checkpoint.

    A second Ctrl-C ends it at once. Use as a context manager, and as a callback of the trainer.

    Args:
        every: stop only after a multiple of this many steps: with several updates on one batch of
            rollouts a training can be resumed only between two batches.

    Attributes:
        asked: whether this process was asked to stop.
        exit_code: of the program, as shells have it: 128 and the number of the signal.
    """

    def __init__(self, every: int = 1) -> None:
        self.every = every
        self.asked = False
        self.exit_code = 128 + signal.SIGINT
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopOnSignal:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.asked:
            return  # Slurm may send SIGTERM to the launcher, which sends it on
        self.asked = True
        self.exit_code = 128 + number
        say("\nstopping after this step, with a checkpoint (Ctrl-C again: at once)")

    def agree(self) -> bool:
        """Whether any process was asked to stop; every process must call this, or all wait."""
        codes = [
            code for asked, code in distributed.everyones((self.asked, self.exit_code)) if asked
        ]
        if codes:
            self.asked, self.exit_code = True, max(codes)
        return self.asked

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask transformers to save and stop, on all processes at the same step."""
        if self.agree() and state.global_step % self.every == 0:
            control.should_save = True
            control.should_training_stop = True
