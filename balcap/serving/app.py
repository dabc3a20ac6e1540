"""Which addresses are there, and who may ask?"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from balcap.errors import RunError, UserError
from balcap.serving import get_reward
from balcap.serving.batching import Batcher
from balcap.serving.errors import RequestError
from balcap.serving.items import ItemReader, schema
from balcap.serving.metrics import Metrics
from balcap.serving.scorer import Row

Handler = Callable[[Any], Awaitable[Any]]
AWAY = 5  # seconds that a client is asked to stay away where a judge, or another server, is away
SENT_IN_JSON = {"requestBody": {"content": {"application/json": {}}, "required": True}}


@dataclass(frozen=True)
class Service:
    """What the addresses need.

    Attributes:
        reader: of items.
        batcher: before the heads.
        metrics: of this server.
        weights: of each head, by its name, in their order.
        token: what requests must bear; empty for none.
        max_body: bytes of a request.
    """

    reader: ItemReader
    batcher: Batcher
    metrics: Metrics
    weights: dict[str, float]
    token: str
    max_body: int

    async def score(self, body: Any) -> list[Row]:
        """A row for each item."""
        asked = await asyncio.to_thread(self.reader.read, body)  # images are decoded
        return await self.batcher.score(asked)

    async def score_items(self, body: Any) -> Any:
        """`POST /score`."""
        return {"weights": self.weights, "scores": await self.score(body)}

    async def get_reward(self, body: Any) -> Any:
        """`POST /get_reward`."""
        rows = await self.score(get_reward.items_of(body))
        if reason := get_reward.judge_away(rows):
            raise RequestError(503, reason, AWAY)
        return get_reward.answer_of(rows, list(self.weights))


def app_of(service: Service, started: Callable[[], None] = lambda: None) -> FastAPI:
    """The application; its queue lives from start-up to shut-down.

    Args:
        service: what it needs.
        started: called once it can answer.
    """

    service.metrics.watch_queue(lambda: service.batcher.waiting)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.batcher.start()
        started()
        yield
        await service.batcher.stop()

    app = FastAPI(title="balcap serve", lifespan=lifespan)
    app.add_exception_handler(HTTPException, _missing)

    items = {"requestBody": {"content": {"application/json": {"schema": schema()}}}}

    @app.post("/score", summary="Every head's score of each caption", openapi_extra=items)
    async def score(request: Request) -> Response:
        return await _answered(service, request, service.score_items)

    @app.post("/get_reward", summary="OpenRLHF's and CapRL's dialect", openapi_extra=SENT_IN_JSON)
    async def rewards(request: Request) -> Response:
        return await _answered(service, request, service.get_reward)

    @app.get("/health", summary="Is it there?")
    async def health() -> Response:
        return _json(200, {"status": "ok", "heads": [*service.weights]})

    @app.get("/metrics", summary="For Prometheus")
    async def metrics(request: Request) -> Response:
        if refused := _unknown(service.token, request):
            return refused
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return app


async def _answered(service: Service, request: Request, handler: Handler) -> Response:
    """Let a handler answer, and count it."""
    begun = time.monotonic()
    response = await _response(service, request, handler)
    service.metrics.answered(request.url.path, response.status_code, time.monotonic() - begun)
    return response


async def _response(service: Service, request: Request, handler: Handler) -> Response:
    """Whatever goes wrong is one message."""
    if refused := _unknown(service.token, request):
        return refused
    try:
        return _json(200, await handler(await _body(request, service.max_body)))
    except RequestError as error:
        return _error(error.status, error.message, error.wait)
    except RunError as error:  # a judge, or another server, is away
        return _error(503, str(error), AWAY)
    except UserError as error:  # of whoever started the server: a head, a judge's key
        return _error(500, str(error))
    except ClientDisconnect:  # nobody reads this
        return Response(status_code=499)


def _unknown(token: str, request: Request) -> Response | None:
    """The answer to a request that does not bear the token."""
    given = request.headers.get("Authorization", "")
    if not token or hmac.compare_digest(given.encode("latin-1"), f"Bearer {token}".encode()):
        return None
    said = "bears another token" if given else "bears no token"
    response = _error(401, f"the request {said}; send Authorization: Bearer TOKEN")
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


async def _body(request: Request, most: int) -> Any:
    """The body as JSON, read no further than it may go."""
    too_large = RequestError(
        413,
        f"the body has more than the {most / 1e6:g} MB that --max-body allows; send less at once",
    )
    said = request.headers.get("Content-Length", "")
    if said.isdigit() and int(said) > most:
        raise too_large
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > most:
            raise too_large
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"the body is no JSON: {error}") from None


async def _missing(request: Request, error: Exception) -> Response:
    """An address that is not there, or not for this method."""
    assert isinstance(error, HTTPException)
    have = "have POST /score, POST /get_reward, GET /health, GET /metrics"
    return _error(error.status_code, f"no {request.method} {request.url.path}; {have}")


def _error(status: int, message: str, wait: int = 0) -> Response:
    response = _json(status, {"error": message})
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _json(status: int, content: Any) -> Response:
    # ASCII, for a head's explanation may hold half a surrogate pair, which is no UTF-8
    try:
        written = json.dumps(content, allow_nan=False)
    except (TypeError, ValueError):  # a head's evidence is its own affair: NaN, or no plain value
        plain = json.loads(json.dumps(content, default=str), parse_constant=lambda _: None)
        written = json.dumps(plain)
    return Response(written, status_code=status, media_type="application/json")
