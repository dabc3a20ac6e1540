"""What the tests of the endpoint share: a judge with tiny waits, and servers that fail."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from balcap.config import JudgeSettings
from balcap.judges.endpoint.backend import Endpoint
from balcap.judges.event_loop import run
from balcap.judges.types import JudgeRequest, JudgeResponse, Outcome
from helpers.judge_server import CHAT, COMPLETIONS

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Fault = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]

BACKOFF = 0.01  # seconds


def endpoint(*urls: str, backoff: float = BACKOFF, **settings: Any) -> Endpoint:
    """An endpoint whose waits are over at once."""
    given = {"model": "scripted", "timeout": 5.0, "retries": 2, "connect_timeout": 0.5, **settings}
    return Endpoint(JudgeSettings.of(backend="endpoint", url=urls, **given), backoff=backoff)


def request(judge: Endpoint, requests: Sequence[JudgeRequest]) -> list[Outcome]:
    """One outcome each, in their order; exactly one."""

    async def collect() -> list[tuple[int, Outcome]]:
        return [pair async for pair in judge.answer(requests)]

    pairs = run(collect())
    assert sorted(number for number, _ in pairs) == list(range(len(requests)))
    return [outcome for _, outcome in sorted(pairs, key=lambda pair: pair[0])]


def all_good(outcomes: Sequence[Outcome]) -> bool:
    """Whether every question was answered."""
    return all(isinstance(outcome, JudgeResponse) for outcome in outcomes)


def failing(fault: Fault, when: Callable[[int, str], bool]) -> Any:
    """A middleware: questions (not other requests) meet the fault when `when(number, body)` says
    so; they are numbered as they come in, from 0."""
    count = iter(range(1_000_000))

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in (CHAT, COMPLETIONS):
            return await handler(request)
        body = (await request.read()).decode()
        return await (fault if when(next(count), body) else _none)(request, handler)

    return middleware


async def _none(request: web.Request, handler: Handler) -> web.StreamResponse:
    return await handler(request)


async def error_500(request: web.Request, handler: Handler) -> web.StreamResponse:
    return web.json_response({"error": {"message": "the engine died"}}, status=500)


async def error_429(request: web.Request, handler: Handler) -> web.StreamResponse:
    return web.json_response(
        {"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "0.05"}
    )


async def hang(request: web.Request, handler: Handler) -> web.StreamResponse:
    await asyncio.sleep(60)
    return await handler(request)


async def reset(request: web.Request, handler: Handler) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def malformed(request: web.Request, handler: Handler) -> web.StreamResponse:
    return web.Response(body=b'{"choices": [{"te', content_type="application/json")


async def truncated(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "5000"})
    await response.prepare(request)
    await response.write(b'{"choices": [')
    assert request.transport is not None
    request.transport.close()
    return response
