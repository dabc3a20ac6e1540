"""Which requests do questions become, and what do they say?"""

import base64
import io
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from balcap.errors import JudgeError, UserError
from balcap.judges.endpoint.batching import pack
from balcap.judges.endpoint.chat_template import ChatTemplate, split
from balcap.judges.images import Picture
from balcap.judges.types import JudgeRequest, JudgeResponse, Message
from balcap.types import Sample
from helpers.endpoint import endpoint, request
from helpers.judge_server import CHAT, COMPLETIONS, TOKENIZE, served
from helpers.judge_server.template import chatml


def about_captions(captions: int, each: int) -> list[JudgeRequest]:
    return [
        JudgeRequest.of(f"Caption {caption}. Question {number}?", max_tokens=1)
        for caption in range(captions)
        for number in range(each)
    ]


def test_many_short_questions_travel_together_and_in_order() -> None:
    """64 questions about 8 captions: lists of at least 16, so four requests."""
    requests = about_captions(8, 8)
    with served(lambda prompt: prompt.split()[1]) as server:
        outcomes = request(endpoint(server.url), requests)
        bodies = server.requests.bodies(COMPLETIONS)
        assert server.requests.count(CHAT) == 0
    assert [len(body["prompt"]) for body in bodies] == [16] * 4
    sent = sorted(body["prompt"] for body in bodies)
    messages = [[{"role": "user", "content": a.messages[0].text}] for a in requests]
    assert list(itertools.chain(*sent)) == [chatml(message) for message in messages]
    assert all(body["add_special_tokens"] is False for body in bodies)
    texts = [outcome.text for outcome in outcomes if isinstance(outcome, JudgeResponse)]
    assert texts == [f"{caption}." for caption in range(8) for _ in range(8)]


@pytest.mark.parametrize(("count", "concurrency", "sizes"), [
    (1, 64, [1]),
    (17, 64, [8, 9]),  # at most 16 where there are few
    (4096, 64, [64] * 64),
    (4096, 8, [64] * 64),  # at most 64
    (2048, 64, [32] * 64),  # as many requests as may be on their way
])  # fmt: skip
def test_sizes_of_lists(count: int, concurrency: int, sizes: list[int]) -> None:
    requests = [JudgeRequest.of(str(number)) for number in range(count)]
    template = ChatTemplate(("", ""))
    packed = list(pack(requests, dict.fromkeys(range(count), template), concurrency))
    assert [len(batch) for batch in packed] == sizes
    numbers = [number for batch in packed for number, _ in batch.questions]
    assert numbers == list(range(count))


def test_the_draws_of_a_caption_are_sent_one_behind_the_other() -> None:
    """64 captions of two draws each, number 2c + d: 128 / 4 = 32 a list, so four lists, and of the
    captions 0 to 31 first both draws."""
    requests = [
        JudgeRequest.of(f"Caption {caption}", temperature=1.0, draw=draw)
        for caption in range(64)
        for draw in range(2)
    ]
    packed = pack(requests, dict.fromkeys(range(128), ChatTemplate(("", ""))), concurrency=4)
    assert [[number for number, _ in batch.questions] for batch in packed] == [
        [*range(0, 64, 2)], [*range(1, 64, 2)], [*range(64, 128, 2)], [*range(65, 128, 2)],
    ]  # fmt: skip


def test_only_questions_of_the_same_settings_travel_together() -> None:
    """Greedy draws are alike, as their seed does not matter; others have a seed for each draw."""
    requests = [
        *(JudgeRequest.of(f"a{i}", draw=i) for i in range(3)),
        *(JudgeRequest.of(f"b{i}", temperature=1.0, draw=i % 2) for i in range(4)),
        *(JudgeRequest.of(f"c{i}", max_tokens=1, choices=("A", "B")) for i in range(2)),
        JudgeRequest.of("d", schema={"type": "object"}),
    ]
    with served(lambda _: "A") as server:
        outcomes = request(endpoint(server.url), requests)
        bodies = server.requests.bodies(COMPLETIONS)
        [chat] = server.requests.bodies(CHAT)
    assert all(isinstance(outcome, JudgeResponse) for outcome in outcomes)
    found = {(body.get("seed"), body.get("logprobs"), len(body["prompt"])) for body in bodies}
    assert found == {(None, None, 3), (0, None, 2), (1, None, 2), (None, 20, 2)}
    assert chat["messages"][0]["content"] == "d"


def test_the_template_is_found_out_once() -> None:
    requests = [JudgeRequest.of("a"), JudgeRequest.of("b", system="Be brief.")]
    with served(lambda prompt: prompt) as server:
        judge = endpoint(server.url)
        request(judge, requests)
        count = server.requests.count(TOKENIZE)
        request(judge, [JudgeRequest.of("c"), JudgeRequest.of("d", system="Be long.")])
        assert server.requests.count(TOKENIZE) == count
        prompts = [body["prompt"][0] for body in server.requests.bodies(COMPLETIONS)]
    assert sorted(prompts) == sorted(
        chatml([{"role": m.role, "content": m.text} for m in a.messages])
        for a in (*requests, JudgeRequest.of("c"), JudgeRequest.of("d", system="Be long."))
    )


def stripping(messages: Sequence[Mapping[str, Any]]) -> str:
    return chatml([{**m, "content": m["content"].strip()} for m in messages])


def censoring(messages: Sequence[Mapping[str, Any]]) -> str:
    return chatml([{**m, "content": m["content"].replace("cats", "****")} for m in messages])


def test_a_template_that_strips_its_texts_is_followed() -> None:
    with served(lambda prompt: prompt, template=stripping) as server:
        request(endpoint(server.url), [JudgeRequest.of("  a dog\n")])
        [body] = server.requests.bodies(COMPLETIONS)
    assert body["prompt"] == [stripping([{"role": "user", "content": "  a dog\n"}])]


def test_a_template_that_changes_its_texts_is_left_to_the_server() -> None:
    with served(lambda prompt: prompt, template=censoring) as server:
        [outcome] = request(endpoint(server.url), [JudgeRequest.of("cats")])
        assert server.requests.count(CHAT) == 1
    assert isinstance(outcome, JudgeResponse)


def test_a_hosted_server_is_asked_by_chat() -> None:
    with served(lambda prompt: prompt, template=None) as server:
        outcomes = request(endpoint(server.url), about_captions(2, 2))
        assert server.requests.count(CHAT) == 4
        assert server.requests.count(COMPLETIONS) == 0
    assert all(isinstance(outcome, JudgeResponse) for outcome in outcomes)


def test_completions_by_order_where_they_cannot_be_is_the_users_mistake() -> None:
    with (
        served(lambda prompt: prompt, template=None) as server,
        pytest.raises(UserError, match=r"requests is completions.*/tokenize.*auto or chat"),
    ):
        request(endpoint(server.url, requests="completions"), [JudgeRequest.of("a")])


@pytest.mark.parametrize(("text", "parts"), [
    ("<u>ONE<a>", ("<u>", "<a>")),
    ("ONE", ("", "")),
    ("<u>ONE ONE<a>", None),
    ("<u>one<a>", None),
])  # fmt: skip
def test_split(text: str, parts: tuple[str, ...] | None) -> None:
    assert split(text, ["ONE"]) == parts


def test_split_wants_the_texts_in_their_order() -> None:
    assert split("a ONE b TWO c", ["ONE", "TWO"]) == ("a ", " b ", " c")
    assert split("a TWO b ONE c", ["ONE", "TWO"]) is None


def test_longer_conversations_go_by_chat() -> None:
    turns = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    with served(lambda prompt: prompt) as server:
        [outcome] = request(endpoint(server.url), [JudgeRequest(turns)])
        [body] = server.requests.bodies(CHAT)
    assert outcome == JudgeResponse("c", None, 1, 1, outcome.seconds)  # type: ignore[union-attr]
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]


def test_draws_differ_by_their_seed_where_there_is_chance() -> None:
    requests = [JudgeRequest.of("a", temperature=0.7, draw=i) for i in range(3)]
    with served(lambda prompt: str(prompt.body["seed"])) as server:
        outcomes = request(endpoint(server.url, requests="chat"), [*requests])
        request(endpoint(server.url, requests="chat"), [])
    assert [outcome.text for outcome in outcomes if isinstance(outcome, JudgeResponse)] == [
        "0",
        "1",
        "2",
    ]


def test_an_image_is_sent_as_a_data_url_within_the_limit(tmp_path: Path) -> None:
    """40 x 20 = 800 pixels; at most 200 leaves half of each side: 20 x 10."""
    Image.new("RGB", (40, 20), "red").save(tmp_path / "red.png")
    picture = Picture(Sample("1", "Describe.", tmp_path / "red.png"))
    with served(lambda prompt: prompt) as server:
        [outcome] = request(
            endpoint(server.url, max_pixels=200), [JudgeRequest.of("What?", picture)]
        )
        [body] = server.requests.bodies(CHAT)
    assert isinstance(outcome, JudgeResponse)
    image, text = body["messages"][0]["content"]
    assert text == {"type": "text", "text": "What?"}
    head, data = image["image_url"]["url"].split(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (20, 10)


def test_one_prompt_that_is_refused_leaves_the_others_of_its_list_alone() -> None:
    from aiohttp import web

    from helpers.endpoint import failing

    async def too_long(request: web.Request, handler: Any) -> web.StreamResponse:
        error = {"error": {"message": "This model's maximum context length is 10 tokens."}}
        return web.json_response(error, status=400)

    requests = [JudgeRequest.of(f"{'long' if i == 5 else 'short'} {i}") for i in range(16)]
    with served(str, middlewares=[failing(too_long, lambda _, body: "long" in body)]) as server:
        outcomes = request(endpoint(server.url), requests)
    [refused] = [outcome for outcome in outcomes if not isinstance(outcome, JudgeResponse)]
    assert outcomes[5] is refused
    assert isinstance(refused, JudgeError)
    assert str(refused) == (
        "refused by the server (HTTP 400): This model's maximum context length is 10 tokens."
    )


def test_a_text_that_is_no_unicode_fails_alone() -> None:
    with served(str) as server:
        good, bad = request(endpoint(server.url), [JudgeRequest.of("a"), JudgeRequest.of("\ud800")])
    assert isinstance(good, JudgeResponse)
    assert isinstance(bad, JudgeError)
    assert "no valid Unicode" in str(bad)
