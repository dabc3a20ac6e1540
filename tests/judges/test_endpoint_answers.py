"""What is made of an answer's body?"""

import json
from math import exp, inf, log
from typing import Any

import pytest
from aiohttp import web

from balcap.errors import JudgeError, UnusableAnswerError
from balcap.judges.endpoint.batching import RequestBatch
from balcap.judges.endpoint.failures import PassingError
from balcap.judges.endpoint.responses import chosen, read
from balcap.judges.types import JudgeRequest, JudgeResponse
from helpers.endpoint import Handler, endpoint, failing, request
from helpers.judge_server import CHAT, Said, served

SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}}


def test_log_probabilities_are_the_same_either_way() -> None:
    """`B` and ` B` are both the choice B: 0.5 + 0.25. D was not reported."""
    said = Said(" B", {" B": log(0.5), "B": log(0.25), "A": log(0.125), "C ": log(0.0625)})
    requests = [
        JudgeRequest.of(f"question {i}", max_tokens=1, choices=("A", "B", "C", "D"))
        for i in range(3)
    ]
    with served(lambda _: said) as server:
        by_chat = request(endpoint(server.url, requests="chat"), requests)
        by_list = request(endpoint(server.url, requests="completions"), requests)
    wanted = (log(0.125), log(0.75), log(0.0625), -inf)
    for outcome in (*by_chat, *by_list):
        assert isinstance(outcome, JudgeResponse)
        assert outcome.logprobs == pytest.approx(wanted)


def test_tokens_of_a_sentencepiece_vocabulary_and_impossible_ones() -> None:
    tokens = [("\u2581Yes", -0.5), ("No", -9999.0), ("\u0120Yes", -inf)]
    yes, no, maybe = chosen(tokens, ["Yes", "No", "Maybe"])
    assert yes == pytest.approx(-0.5)
    assert (no, maybe) == (-9999.0, -inf)


def test_probabilities_of_a_partition_add_up() -> None:
    """A law: what the choices have and what no choice has are all there is."""
    tokens = [("A", log(0.4)), (" A", log(0.1)), ("B", log(0.3)), ("x", log(0.2))]
    assert sum(map(exp, chosen(tokens, ["A", "B"]))) == pytest.approx(0.8)


@pytest.mark.parametrize("way", ["chat", "completions"])
def test_a_server_without_log_probabilities_says_so(way: str) -> None:
    @web.middleware
    async def without(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if "completions" not in request.path:
            return response
        assert isinstance(response, web.Response)
        body = json.loads(response.body)  # type: ignore[arg-type]
        for choice in body["choices"]:
            choice["logprobs"] = None
        return web.json_response(body)

    with served(lambda _: "B", middlewares=[without]) as server:
        [outcome] = request(
            endpoint(server.url, requests=way), [JudgeRequest.of("q", choices=("A", "B"))]
        )
    assert type(outcome) is JudgeError
    assert "gave no log-probabilities" in str(outcome)


def test_a_schema_is_sent() -> None:
    with served(lambda _: '{"score": 3}') as server:
        [outcome] = request(endpoint(server.url), [JudgeRequest.of("q", schema=SCHEMA)])
        [body] = server.requests.bodies(CHAT)
    assert isinstance(outcome, JudgeResponse)
    assert body["response_format"] == {
        "type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}
    }  # fmt: skip


@pytest.mark.parametrize(("message", "name", "instead"), [
    ("response_format is not supported", "response_format", None),
    ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.", "max_tokens",
     "max_completion_tokens"),
])  # fmt: skip
def test_what_a_server_does_not_know_is_asked_without_from_then_on(
    message: str, name: str, instead: str | None
) -> None:
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.json_response({"error": {"message": message}}, status=400)

    middleware = failing(refuse, lambda _, body: f'"{name}"' in body)
    with served(lambda _: "{}", middlewares=[middleware]) as server:
        judge = endpoint(server.url)
        first = request(judge, [JudgeRequest.of("q", schema=SCHEMA)])
        second = request(judge, [JudgeRequest.of("r", schema=SCHEMA)])
        bodies = server.requests.bodies(CHAT)  # of those that came past the refusal
    assert all(isinstance(outcome, JudgeResponse) for outcome in (*first, *second))
    assert len(bodies) == 2
    assert all(name not in body for body in bodies)
    assert instead is None or all(body[instead] == 512 for body in bodies)


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_an_answer_that_was_cut_off_is_unusable_only_where_it_must_be_whole(
    schema: dict[str, Any] | None,
) -> None:
    with served(lambda _: '{"score": 3 }') as server:  # three words
        [outcome] = request(
            endpoint(server.url), [JudgeRequest.of("q", schema=schema, max_tokens=2)]
        )
    if schema is None:
        assert isinstance(outcome, JudgeResponse)
        assert outcome.text == '{"score": 3'
    else:
        assert isinstance(outcome, UnusableAnswerError)
        assert str(outcome) == "cut off at 2 tokens"


def body_of(*choices: dict[str, Any], **others: Any) -> bytes:
    return json.dumps({"choices": [*choices], **others}).encode()


def batch(count: int) -> RequestBatch:
    return RequestBatch(tuple((10 + i, JudgeRequest.of(f"q{i}")) for i in range(count)))


@pytest.mark.parametrize(("choice", "reason"), [
    ({"message": {"content": None, "refusal": "I cannot."}, "finish_reason": "stop"},
     "the judge refused: 'I cannot.'"),
    ({"message": {"content": "half"}, "finish_reason": "content_filter"}, "stopped by its filter"),
    ({"message": {"content": None}, "finish_reason": "length"}, "cut off at 512 tokens"),
])  # fmt: skip
def test_refusals_are_unusable(choice: dict[str, Any], reason: str) -> None:
    outcome = read(body_of(choice), batch(1), 0.0)[10]
    assert isinstance(outcome, UnusableAnswerError)
    assert str(outcome) == reason


@pytest.mark.parametrize("payload", [
    b"", b"<html>", b"[]", b"null", b'{"choices": null}', b'{"choices": [3]}', b"\xff", b"{}",
])  # fmt: skip
def test_a_body_of_another_form_is_malformed(payload: bytes) -> None:
    with pytest.raises(PassingError, match="malformed answer"):
        read(payload, batch(1), 0.0)


@pytest.mark.parametrize("choice", [
    {"index": 1}, {"index": 1, "text": 3}, {"index": 1, "text": "x", "finish_reason": "abort"},
    {"index": 7, "text": "x"}, {"index": 1, "message": "x"},
])  # fmt: skip
def test_one_choice_that_cannot_be_read_is_missing_and_the_others_are_kept(
    choice: dict[str, Any],
) -> None:
    outcomes = read(body_of({"index": 0, "text": "good"}, choice), batch(2), 0.5)
    assert outcomes == {10: JudgeResponse("good", None, 0, 0, 0.5)}


def test_choices_may_come_in_any_order() -> None:
    choices = [{"index": i, "text": f"answer {i}"} for i in (2, 0, 1)]
    outcomes = read(body_of(*choices), batch(3), 0.0)
    assert {number: o.text for number, o in outcomes.items() if isinstance(o, JudgeResponse)} == {
        10: "answer 0", 11: "answer 1", 12: "answer 2"
    }  # fmt: skip


def test_shares_of_the_tokens_add_up_to_what_was_reported() -> None:
    """10 = 4 + 3 + 3."""
    choices = [{"index": i, "text": "x"} for i in range(3)]
    usage = {"prompt_tokens": 10, "completion_tokens": 3}
    outcomes = read(body_of(*choices, usage=usage), batch(3), 0.0)
    answers = [outcome for outcome in outcomes.values() if isinstance(outcome, JudgeResponse)]
    assert [answer.prompt_tokens for answer in answers] == [4, 3, 3]
    assert [answer.completion_tokens for answer in answers] == [1, 1, 1]
