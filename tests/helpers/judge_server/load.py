"""What came in at the server, and when is it answered?"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import Counter, deque
from typing import Any

KEPT = 1000  # newest bodies of requests that are kept for tests, per path


class Requests:
    """What came in so far.

    Attributes:
        prompts: questions asked, several of which may have come in one request.
    """

    def __init__(self) -> None:
        self.prompts = 0
        self._counts: Counter[str] = Counter()
        self._bodies: dict[str, deque[Any]] = {}

    def add(self, path: str, body: Any) -> None:
        """Note a request."""
        self._counts[path] += 1
        self._bodies.setdefault(path, deque(maxlen=KEPT)).append(body)

    def count(self, path: str = "") -> int:
        """How many came in, at a path or anywhere."""
        return self._counts[path] if path else self._counts.total()

    def bodies(self, path: str) -> list[Any]:
        """The newest bodies at a path, oldest first."""
        return list(self._bodies.get(path, ()))


class Slots:
    """When is a prompt answered? There are `slots` of them; each takes `latency` seconds in one.

    A list of prompts takes a slot for each, as in vLLM's batch, so that the server's ceiling is
    `slots / latency` prompts per second however they travel.
    """

    def __init__(self, slots: int, latency: float) -> None:
        self._free = [0.0] * slots
        self._latency = latency

    async def serve(self, prompts: int) -> None:
        """Wait until that many have been through a slot, behind those that came before."""
        if self._latency <= 0:
            return
        now = time.monotonic()
        for _ in range(prompts):
            done = max(now, self._free[0]) + self._latency
            heapq.heapreplace(self._free, done)
        await asyncio.sleep(done - now)
