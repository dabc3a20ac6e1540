"""How far is the training? One line that renews itself."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence

from balcap.console import clock, columns, number, renew, say
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
        width = columns()
        line = self.line(step, metrics, now - self.began, None if width is None else width - 1)
        if self._live:
            renew(line)
        elif now - self._printed >= 10 or step == self.steps:
            self._printed = now
            say(line)

    def line(self, step: int, metrics: Metrics, elapsed: float, within: int | None = None) -> str:
        """The progress line of a step, `elapsed` seconds after the first.

        Args:
            step: the one that is done.
            metrics: of it.
            elapsed: seconds.
            within: columns to fit into: pace, band and words are left out, in this order, until
                the line does; None: all of it.
        """
        pace = elapsed / max(1, step - self.first)
        band = metrics.get("gate/pass")
        parts = {
            "step": f"step {step}/{self.steps}",
            **{head: f"{head} {number(metrics.get(f'reward/{head}/mean'))}" for head in self.heads},
            " words": f"{metrics.get('length/words') or 0.0:.0f} words",
            " band": "" if band is None else f"in band {band:.0%}",
            " pace": f"{pace:.2f} s/step",
            " ETA": f"ETA {clock(pace * (self.steps - step))}",
        }
        line = _joined(parts)
        for spare in (" pace", " band", " words"):
            if within is not None and len(line) > within:
                parts[spare] = ""
                line = _joined(parts)
        return line

    def note(self, text: str) -> None:
        """Say something between two steps, above the line that renews itself."""
        say(f"\r\x1b[K{text}" if self._live else text)

    def close(self) -> None:
        """Leave the line where it is, and go on below."""
        if self._live:
            say()


def _joined(parts: Mapping[str, str]) -> str:
    return "  ".join(part for part in parts.values() if part)
