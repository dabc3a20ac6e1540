"""A server that fails in every way: no answer is silently wrong, and every good one is kept."""

import re
import threading
import time

import pytest
from aiohttp import web

from balcap.errors import JudgeError, UnusableAnswerError
from balcap.judges.event_loop import run
from balcap.judges.judge import Judge, SharedBackend
from balcap.judges.parsing import parse_letter
from balcap.judges.types import JudgeRequest, JudgeResponse, Outcome
from helpers.endpoint import (
    Fault,
    Handler,
    endpoint,
    error_429,
    error_500,
    failing,
    hang,
    malformed,
    request,
    reset,
    truncated,
)  # fmt: skip
from helpers.judge_server import CHAT, Asked, Said, served

FAULTS: dict[str, tuple[Fault, str]] = {
    "500": (error_500, r"HTTP 500: the engine died \(3 tries\)"),
    "429": (error_429, r"HTTP 429: slow down \(3 tries\)"),
    "hang": (hang, r"timed out after 0\.8 s"),
    "reset": (reset, r"the connection broke \(.*\) \(3 tries\)"),
    "malformed": (malformed, r"malformed answer \('.*'\) \(3 tries\)"),
    "truncated": (truncated, r"the connection broke \(.*\) \(3 tries\)"),
}
WAYS = ("chat", "completions")
fault_by_name = pytest.mark.parametrize("name", FAULTS)
both_ways = pytest.mark.parametrize("way", WAYS)


def echo(prompt: Asked) -> str:
    return f"answer to {prompt}"


def judge_wait(name: str) -> dict[str, float]:
    """Seconds until a hang is given up; whatever else happens has time enough."""
    return {"timeout": 0.8} if name == "hang" else {}


def questions(count: int, bad: int = -1) -> list[JudgeRequest]:
    return [JudgeRequest.of(f"{'bad ' * (i == bad)}question {i}") for i in range(count)]


def texts(outcomes: list[Outcome]) -> list[str]:
    return [outcome.text for outcome in outcomes if isinstance(outcome, JudgeResponse)]


@both_ways
@pytest.mark.parametrize(
    "name", sorted(FAULTS.keys() - {"hang"})
)  # a hang uses up the question's time
def test_a_fault_that_passes_costs_no_answer(name: str, way: str) -> None:
    """The first two requests meet it; a request has three tries."""
    middleware = failing(FAULTS[name][0], lambda number, _: number < 2)
    with served(echo, middlewares=[middleware]) as server:
        outcomes = request(endpoint(server.url, requests=way), questions(40))
    assert texts(outcomes) == [f"answer to question {i}" for i in range(40)]


@fault_by_name
def test_a_fault_of_one_question_leaves_the_others_alone(name: str) -> None:
    fault, reason = FAULTS[name]
    with served(echo, middlewares=[failing(fault, lambda _, body: "bad" in body)]) as server:
        judge = endpoint(server.url, requests="chat", **judge_wait(name))
        outcomes = request(judge, questions(10, bad=7))
    assert isinstance(outcomes[7], JudgeError)
    assert re.fullmatch(reason, str(outcomes[7]))
    assert texts(outcomes) == [f"answer to question {i}" for i in range(10) if i != 7]


@fault_by_name
def test_a_fault_of_one_request_leaves_the_others_alone(name: str) -> None:
    """40 prompts of one kind travel as 13, 13 and 14: number 7 is in the first."""
    fault, reason = FAULTS[name]
    with served(echo, middlewares=[failing(fault, lambda _, body: "bad" in body)]) as server:
        judge = endpoint(server.url, requests="completions", **judge_wait(name))
        outcomes = request(judge, questions(40, bad=7))
    for outcome in outcomes[:13]:
        assert isinstance(outcome, JudgeError)
        assert not isinstance(outcome, UnusableAnswerError)
        assert re.fullmatch(reason, str(outcome))
    assert texts(outcomes) == [f"answer to question {i}" for i in range(13, 40)]


@both_ways
@fault_by_name
def test_no_answer_is_made_up(name: str, way: str) -> None:
    with served(echo, middlewares=[failing(FAULTS[name][0], lambda *_: True)]) as server:
        outcomes = request(endpoint(server.url, requests=way, **judge_wait(name)), questions(20))
    assert all(isinstance(outcome, JudgeError) for outcome in outcomes)


def test_a_wait_that_the_server_asks_for_is_kept_by_all_requests() -> None:
    """One 429 asks for 0.3 s; beside it one request was on its way already. No other comes in
    before that, whoever sends it."""
    came: list[float] = []

    async def wait(request: web.Request, handler: Handler) -> web.StreamResponse:
        came.append(time.monotonic())
        return web.Response(status=429, headers={"Retry-After": "0.3"})

    def script(prompt: Asked) -> str:
        came.append(time.monotonic())
        return echo(prompt)

    with served(script, middlewares=[failing(wait, lambda number, _: number == 0)]) as server:
        outcomes = request(endpoint(server.url, requests="chat", concurrency=2), questions(6))
    assert len(texts(outcomes)) == 6
    assert came[2] - came[0] >= 0.3


def test_a_wait_beyond_the_time_out_is_not_begun() -> None:
    async def tomorrow(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": "86400"}, text="closed")

    with served(echo, middlewares=[failing(tomorrow, lambda *_: True)]) as server:
        begun = time.monotonic()
        outcomes = request(endpoint(server.url, requests="chat", concurrency=1), questions(4))
        assert time.monotonic() - begun < 2
        assert server.requests.count() == 0
    assert re.match("HTTP 503: closed; http.* asks to wait 86400 s, longer", str(outcomes[0]))
    assert all(re.match("http.* asks to wait 86400 s", str(o)) for o in outcomes[1:])


@both_ways
def test_what_a_request_lacks_is_asked_again(way: str) -> None:
    """A list that comes back without one of its answers, or with one that is none."""
    asked: list[str] = []

    def script(prompt: Asked) -> str | Said:
        asked.append(str(prompt))
        ill = prompt == "question 3" and asked.count("question 3") == 1
        return Said("half an ans", finish="abort") if ill else echo(prompt)

    with served(script) as server:
        outcomes = request(endpoint(server.url, requests=way), questions(10))
    assert texts(outcomes) == [f"answer to question {i}" for i in range(10)]
    assert len(asked) == 11  # the good ones were asked once


@both_ways
def test_an_off_menu_verdict_is_no_verdict(way: str) -> None:
    def script(prompt: Asked) -> str:
        return "Z" if prompt == "question 3" else "B"

    with served(script) as server:
        judge = Judge(SharedBackend(endpoint(server.url, requests=way)))
        verdicts = run(judge.read(questions(8), lambda a: parse_letter(a.text, "ABCD")))
    assert isinstance(verdicts[3], UnusableAnswerError)
    assert str(verdicts[3]) == "off the menu ABCD: 'Z'"
    assert [v for i, v in enumerate(verdicts) if i != 3] == ["B"] * 7
    assert judge.usage.failed == 1


@both_ways
def test_a_restart_in_the_middle_of_a_batch_loses_nothing(way: str) -> None:
    """200 prompts, 8 at once, 0.01 s each: 0.25 s. Stopped after 0.1 s, back after 0.2 more."""
    outcomes: list[Outcome] = []
    count = 200
    with served(echo, latency=0.01, concurrency=8) as server:
        port = server.port
        judge = endpoint(server.url, requests=way, concurrency=16, retries=6, backoff=0.05)
        asking = threading.Thread(target=lambda: outcomes.extend(request(judge, questions(count))))
        asking.start()
        while server.requests.prompts == 0:
            time.sleep(0.005)
        time.sleep(0.1)
    assert asking.is_alive()  # it was cut off in the middle
    time.sleep(0.2)
    with served(echo, port=port) as again:
        asking.join()
        assert again.requests.prompts > 0
    assert texts(outcomes) == [f"answer to question {i}" for i in range(count)]


@both_ways
def test_a_server_that_is_gone_is_given_up_by_the_whole_batch(way: str) -> None:
    """Chat, four at once: 300 questions with three tries of 0.1 s each would take 15 s. Eight in
    a row that nobody answered end it."""
    with served(echo) as server:
        judge = endpoint(server.url, requests=way, concurrency=4, backoff=0.1)
        request(judge, questions(1))
    begun = time.monotonic()
    outcomes = request(judge, questions(300))
    assert time.monotonic() - begun < 3
    for outcome in outcomes:
        assert isinstance(outcome, JudgeError)
        assert re.fullmatch(r"no connection \(.*\) \(3 tries\)", str(outcome))


def test_a_batch_goes_on_beside_questions_that_always_fail() -> None:
    """Every fourth question meets a 500 each time; the others keep the batch alive."""
    middleware = failing(error_500, lambda _, body: "bad" in body)
    requests = [JudgeRequest.of(f"{'bad ' * (i % 4 == 0)}question {i}") for i in range(80)]
    with served(echo, middlewares=[middleware]) as server:
        outcomes = request(endpoint(server.url, requests="chat", concurrency=4), requests)
        assert server.requests.count(CHAT) == 60
    assert [isinstance(o, JudgeError) for o in outcomes] == [i % 4 == 0 for i in range(80)]
