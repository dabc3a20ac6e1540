"""When may the next request go out under a limit per minute?"""

from __future__ import annotations

import asyncio
import time

from balcap import distributed


class RateLimiter:
    """Spreads what is sent evenly over time: in t seconds at most `t / 60 * per_minute`, and one
    request more from each process.

    Args:
        per_minute: requests or tokens of all processes together, of which this one has an equal
            share; None: as many as one likes.
    """

    def __init__(self, per_minute: float | None) -> None:
        self._seconds_each = 60.0 * distributed.count() / per_minute if per_minute else 0.0
        self._next = 0.0

    async def take(self, amount: float = 1.0) -> None:
        """Wait for a turn, behind those that came before."""
        if not self._seconds_each:
            return
        now = time.monotonic()
        turn = max(now, self._next)
        self._next = turn + amount * self._seconds_each
        if turn > now:
            await asyncio.sleep(turn - now)

    def correct(self, by: float) -> None:
        """It was more, or less, than what was taken."""
        self._next += by * self._seconds_each
