"""How many at once, and how many a minute?"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from balcap.judges.endpoint.failures import asked_to_wait
from balcap.judges.endpoint.rate_limit import RateLimiter
from balcap.judges.endpoint.slots import Slots
from balcap.judges.types import JudgeRequest
from helpers.endpoint import Handler, all_good, endpoint, request
from helpers.judge_server import CHAT, MODELS, served
from helpers.judge_server.template import chatml

ASKS = [JudgeRequest.of(f"question {i}") for i in range(40)]


class InFlight:
    """Counts the questions that a server has not answered yet, and the most at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def middleware(self) -> Any:
        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path != CHAT:
                return await handler(request)
            self.now += 1
            self.most = max(self.most, self.now)
            response = await handler(request)
            self.now -= 1
            return response

        return count


def test_no_more_requests_than_allowed_are_on_their_way() -> None:
    flight = InFlight()
    with served(str, latency=0.01, middlewares=[flight.middleware()]) as server:
        judge = endpoint(server.url, requests="chat", concurrency=3)
        assert all_good(request(judge, ASKS))
    assert flight.most == 3


@pytest.mark.parametrize(("batches", "given", "least", "most"), [
    (True, None, 65, 320),
    (False, None, 64, 64),
    (True, 70, 70, 70),
])  # fmt: skip
def test_a_server_that_batches_is_asked_more_at_once_where_nothing_is_set(
    batches: bool, given: int | None, least: int, most: int
) -> None:
    """300 questions of one request each; vLLM owns the models of the first kind of server."""
    flight = InFlight()
    template = chatml if batches else None
    middlewares = [flight.middleware()]
    with served(str, latency=0.2, template=template, middlewares=middlewares) as server:
        judge = endpoint(server.url, requests="chat", concurrency=given)
        assert all_good(request(judge, [JudgeRequest.of(f"question {i}") for i in range(300)]))
        assert all_good(request(judge, [JudgeRequest.of(f"question {i}") for i in range(300)]))
        assert server.requests.count(MODELS) == (given is None)  # found out once
    assert least <= flight.most <= most


def test_a_few_questions_are_asked_without_finding_out_who_answers() -> None:
    with served(str) as server:
        assert all_good(request(endpoint(server.url, requests="chat"), ASKS))
        assert server.requests.count(MODELS) == 0


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_server_that_does_not_list_its_models_is_asked_all_the_same(status: int) -> None:
    """A key may be good for questions and not for the list."""

    @web.middleware
    async def unlisted(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(status=status) if request.path == MODELS else await handler(request)

    with served(str, middlewares=[unlisted]) as server:
        judge = endpoint(server.url, requests="chat")
        assert all_good(request(judge, [JudgeRequest.of(f"question {i}") for i in range(70)]))


def test_requests_keep_to_their_pace() -> None:
    """600 a minute is one each 0.1 s: the fifth goes out 0.4 s after the first."""
    with served(str) as server:
        judge = endpoint(server.url, requests="chat", requests_per_minute=600)
        request(judge, [])
        begun = time.monotonic()
        assert all_good(request(judge, ASKS[:5]))
        assert time.monotonic() - begun >= 0.4


def test_a_pace_is_corrected_by_what_was_really_used() -> None:
    """6000 tokens a minute, 100 a second. 50 taken: the next may go after 0.5 s; but only 10 were
    used: after 0.1 s."""

    async def seconds() -> float:
        pace = RateLimiter(6000)
        await pace.take(50)
        pace.correct(10 - 50)
        begun = time.monotonic()
        await pace.take(1)
        return time.monotonic() - begun

    assert 0.08 <= asyncio.run(seconds()) < 0.3


def test_the_time_behind_a_pace_does_not_count_as_the_servers() -> None:
    """120 a minute: the second question waits 0.5 s for its turn, the time-out is 0.4 s."""
    with served(str) as server:
        judge = endpoint(server.url, requests="chat", requests_per_minute=120, timeout=0.4)
        request(judge, [])
        assert all_good(request(judge, ASKS[:2]))


@pytest.mark.parametrize(
    ("process", "places"), [(0, (3, 22, 107)), (1, (3, 21, 107)), (2, (2, 21, 106))]
)
def test_processes_share_what_is_allowed(
    process: int, places: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 requests at once of three processes are 3, 3 and 2; 64 are 22, 21 and 21, and the 320 of a
    server that batches 107, 107 and 106."""
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("RANK", str(process))
    unset = Slots(None)
    unset.settle(batches=True)
    assert (Slots(8).at_once, unset.lists_at_once, unset.at_once) == places


def test_no_process_is_left_without_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("RANK", "2")
    assert Slots(1).at_once == 1


def test_processes_share_a_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """600 a minute are 0.1 s each, and 0.4 s for each of four processes: the second request of one
    goes out 0.4 s after its first."""
    monkeypatch.setenv("WORLD_SIZE", "4")

    async def seconds() -> float:
        pace = RateLimiter(600)
        begun = time.monotonic()
        await pace.take()
        await pace.take()
        return time.monotonic() - begun

    assert 0.4 <= asyncio.run(seconds()) < 0.6


def test_retry_after_may_be_a_number_or_a_date() -> None:
    assert asked_to_wait({"retry-after": "7"}) == 7.0
    assert asked_to_wait({"retry-after": "-7"}) == 0.0
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 <= asked_to_wait({"retry-after": soon}) <= 30
    assert asked_to_wait({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}) == 0.0
    assert asked_to_wait({"retry-after": "soon"}) == 0.0
    assert asked_to_wait({}) == 0.0


def test_tokens_keep_to_their_pace_by_what_the_server_reports() -> None:
    """6000 a minute, 100 a second. A question is taken for 2.5 + 97 tokens, nearly a second of
    them; it uses 2 + 2, 0.04 s. So the fourth goes out after 0.12 s, not after 3 s."""
    requests = [JudgeRequest.of(f"question {i}", max_tokens=97) for i in range(4)]
    with served(str) as server:
        judge = endpoint(server.url, requests="chat", concurrency=1, tokens_per_minute=6000)
        request(judge, [])
        begun = time.monotonic()
        assert all_good(request(judge, requests))
        assert 0.12 <= time.monotonic() - begun < 1.5
