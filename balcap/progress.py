"""How far is long work? One line that renews itself."""

from __future__ import annotations

import sys
import time

from balcap.console import clock, renew, say


class Progress:
    """`captionqa  512/8,492 questions  66.41  ETA 3:20`; in a file, a line about every 10 seconds.

    Args:
        what: what is counted, for the line.
        count: of all; None if nobody knows.
        done: before this start.
    """

    def __init__(self, what: str, count: int | None, done: int = 0) -> None:
        self.what = what
        self.count = count
        self.first = done
        self.began = time.monotonic()
        self._printed = 0.0
        self._live = sys.stdout.isatty()

    def show(self, done: int, beside: str = "") -> None:
        """Show how many are done, with some words beside."""
        now = time.monotonic()
        if self.count is None:
            words = [f"{done:,} {self.what}", beside]
        else:
            left = (now - self.began) / max(1, done - self.first) * (self.count - done)
            words = [f"{done:,}/{self.count:,} {self.what}", beside, f"ETA {clock(left)}"]
        line = "  ".join(word for word in words if word)
        if self._live:
            renew(line)
        elif now - self._printed >= 10 or done == self.count:
            self._printed = now
            say(line)

    def close(self) -> None:
        """Leave the line where it is, and go on below."""
        if self._live:
            say()
