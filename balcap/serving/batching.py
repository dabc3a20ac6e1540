"""Which captions are scored together? Those of requests that come in at about the same time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from math import ceil

from balcap.serving.errors import RequestError
from balcap.serving.items import Asked
from balcap.serving.scorer import Row

LONGEST_WAIT = 60  # seconds that a client is asked to stay away
Scoring = Callable[[Sequence[Asked]], Sequence[Row | Exception]]


class Batcher:
    """A queue before the heads. Belongs to one event loop.

    Args:
        scoring: scores captions in a thread, one call at a time.
        max_batch: captions in one call.
        max_wait: seconds that the first caption of a batch waits for others.
        max_queue: captions that may wait.
    """

    def __init__(
        self, scoring: Scoring, *, max_batch: int, max_wait: float, max_queue: int
    ) -> None:
        self._scoring = scoring
        self._max_batch, self._max_wait, self._max_queue = max_batch, max_wait, max_queue
        self._waiting: deque[tuple[Asked, asyncio.Future[Row]]] = deque()
        self._some, self._full = asyncio.Event(), asyncio.Event()
        self._seconds = 0.0  # of the last batch
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to score."""
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Score no more; the requests have been answered by now."""
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker

    @property
    def waiting(self) -> int:
        """Captions in the queue."""
        return len(self._waiting)

    async def score(self, asked: Sequence[Asked]) -> list[Row]:
        """A row for each caption, in their order.

        Raises:
            RequestError: 413 for more captions than the queue has places, 429 where it is too full
                for them now.
            UserError, RunError: as a head raises them.
        """
        if len(asked) > self._max_queue:
            raise RequestError(
                413,
                f"the request has {len(asked):,} captions; --max-queue allows "
                f"{self._max_queue:,}: send them in several requests",
            )
        if len(asked) + self.waiting > self._max_queue:
            raise RequestError(
                429,
                f"{self.waiting:,} captions wait, and --max-queue allows {self._max_queue:,}; try "
                "again later",
                self._wait(),
            )
        loop = asyncio.get_running_loop()
        mine = [(each, loop.create_future()) for each in asked]
        self._waiting.extend(mine)
        self._some.set()
        if self.waiting >= self._max_batch:
            self._full.set()
        found = await asyncio.gather(*(row for _, row in mine), return_exceptions=True)
        for row in found:
            if isinstance(row, BaseException):
                raise row
        return [row for row in found if not isinstance(row, BaseException)]

    def _wait(self) -> int:
        """Seconds in which the queue should be empty, at the pace of the last batch."""
        return min(LONGEST_WAIT, max(1, ceil(self.waiting / self._max_batch * self._seconds)))

    async def _work(self) -> None:
        while True:
            await self._some.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), self._max_wait)
            batch = [self._waiting.popleft() for _ in range(min(self._max_batch, self.waiting))]
            if not self._waiting:
                self._some.clear()
            if self.waiting < self._max_batch:
                self._full.clear()
            begun = time.monotonic()
            await self._answer(batch)
            self._seconds = time.monotonic() - begun

    async def _answer(self, batch: Sequence[tuple[Asked, asyncio.Future[Row]]]) -> None:
        try:
            found = await asyncio.to_thread(self._scoring, [asked for asked, _ in batch])
        except Exception as error:  # told to whoever asked; the server goes on
            found = [error] * len(batch)
        for (_, future), row in zip(batch, found, strict=True):
            if future.done():  # nobody waits for it any more
                continue
            if isinstance(row, Exception):
                future.set_exception(row)
            else:
                future.set_result(row)
