"""Where does asynchronous work run? In one event loop, which lives as long as the process.

What a judge keeps from one call to the next, such as an HTTP client or a question on its way,
belongs to the loop it was made in.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Awaitable
from functools import cache
from typing import TypeVar

T = TypeVar("T")


def run(work: Awaitable[T]) -> T:
    """Wait for work in the loop, from any thread but the loop's own."""
    return asyncio.run_coroutine_threadsafe(_finish(work), _loop()).result()


async def _finish(work: Awaitable[T]) -> T:
    return await work


def _loop() -> asyncio.AbstractEventLoop:
    with _lock:  # two threads may ask at once
        return _make_loop()


_lock = threading.Lock()


@cache
def _make_loop() -> asyncio.AbstractEventLoop:
    # What is loaded by now stays. With torch and TRL the collector took 0.3 s to go through it, and
    # did so once or twice while some thousand questions were under way.
    gc.freeze()
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="async heads", daemon=True).start()
    return loop


os.register_at_fork(after_in_child=_make_loop.cache_clear)  # its thread stays with the parent
