"""How is a server run beside a test?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from helpers.judge_server.load import Slots
from helpers.judge_server.said import Script
from helpers.judge_server.server import Server
from helpers.judge_server.template import Template, chatml

if TYPE_CHECKING:
    from aiohttp import web


@contextmanager
def served(
    script: Script,
    *,
    latency: float = 0.0,
    concurrency: int = 256,
    model: str = "scripted",
    key: str = "",
    template: Template | None = chatml,
    port: int = 0,
    middlewares: Sequence[Any] = (),
) -> Iterator[Server]:
    """Serve a script in a thread of this process until the end of the block.

    Args:
        script: from a question to its answer.
        latency: seconds that a prompt takes.
        concurrency: prompts that are answered at once; the others wait.
        model: the name that it answers to.
        key: what requests must bear; none are refused without.
        template: chat template of `/tokenize`; None for a server that has no such address.
        port: 0 takes a free one.
        middlewares: of aiohttp, for servers that are to fail.
    """
    server = Server(script, model, key, template, Slots(concurrency, latency))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="scripted judge", daemon=True)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(_start(server, port, middlewares), loop).result()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_stop(runner), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(server: Server, port: int, middlewares: Sequence[Any]) -> web.AppRunner:
    from aiohttp import web

    runner = web.AppRunner(
        server.app(middlewares), access_log=None, handler_cancellation=True, shutdown_timeout=0.1
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    return runner


async def _stop(runner: web.AppRunner) -> None:
    """Whoever is being answered is cut off, as by a server that was killed."""
    for site in list(runner.sites):
        await site.stop()
    assert runner.server is not None
    for connection in runner.server.connections:
        if connection.transport is not None:
            connection.transport.abort()
    await asyncio.sleep(0.01)  # until the sockets are closed: this loop ends next
    await runner.cleanup()
