"""What a person sees while balcap works: one progress line, and tables."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence

from balcap.runs.metrics import Metrics


def say(text: str = "", *, end: str = "\n") -> None:
    """Print on standard output, at once. If nobody reads it any more (`| head`), work goes on."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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


def number(value: float | None) -> str:
    """Three decimals, or a dash for a number that has no value."""
    return "-" if value is None else f"{value:.3f}"


def clock(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as aligned text: the first column to the left, the others to the right."""
    columns = list(rows[0])
    widths = {c: max(len(c), *(len(row[c]) for row in rows)) for c in columns}

    def aligned(cells: Mapping[str, str]) -> str:
        first, *rest = columns
        parts = [cells[first].ljust(widths[first]), *(cells[c].rjust(widths[c]) for c in rest)]
        return "  ".join(parts).rstrip()

    header = aligned({c: c for c in columns})
    return "\n".join((header, "-" * len(header), *map(aligned, rows)))
