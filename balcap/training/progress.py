"""How far is the training? One line that renews itself."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from balcap.console import clock, number, say
from balcap.runs.metrics import Metrics


class Progress:
    """One line that renews itself on a terminal; in a file, a line about every 10 seconds.

    Args:
        steps: steps in all.
        done: steps already done, for a resumed run.
        heads: names of the heads whose means are shown.
    """

    def __init__(self, steps: int, done: int, heads: Sequence[str]) -> None:
        self.steps = steps
        self.first = done
        self.heads = heads
        self.began = time.monotonic()
        self._printed = 0.0
        self._live = sys.stdout.isatty()

    def begin(self) -> None:
        """Start the clock that pace and ETA are taken from."""
        self.began = time.monotonic()

    def show(self, step: int, metrics: Metrics) -> None:
        """Show a step's metrics."""
        now = time.monotonic()
        line = self.line(step, metrics, now - self.began)
        if self._live:
            say(f"\r\x1b[K{line}", end="")
        elif now - self._printed >= 10 or step == self.steps:
            self._printed = now
            say(line)

    def line(self, step: int, metrics: Metrics, elapsed: float) -> str:
        """The progress line of a step, `elapsed` seconds after the first."""
        pace = elapsed / max(1, step - self.first)
        left = pace * (self.steps - step)
        scores = "  ".join(
            f"{head} {number(metrics.get(f'reward/{head}/mean'))}" for head in self.heads
        )
        words = metrics.get("length/words") or 0.0
        band = metrics.get("gate/pass")
        in_band = f"  in band {band:.0%}" if band is not None else ""
        return (
            f"step {step}/{self.steps}  {scores}  {words:.0f} words{in_band}"
            f"  {pace:.2f} s/step  ETA {clock(left)}"
        )

    def note(self, text: str) -> None:
        """Say something between two steps, above the line that renews itself."""
        say(f"\r\x1b[K{text}" if self._live else text)

    def close(self) -> None:
        """Leave the line where it is, and go on below."""
        if self._live:
            say()
