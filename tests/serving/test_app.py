"""The addresses: who may ask, how much, and what is said when something is wrong."""

import base64
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from balcap.errors import RunError
from balcap.heads import Head
from balcap.types import Caption, HeadScore, Score, Unscored
from helpers.heads import Brief, Letters, Picky
from helpers.serving import client_of

TOKEN = {"Authorization": "Bearer letmein"}
ITEMS = [{"caption": "three"}, {"caption": "four"}]


def test_every_address_answers() -> None:
    with client_of(Letters(), Picky()) as client:
        found = client.post("/score", json=ITEMS)
        assert found.status_code == 200
        assert found.json()["weights"] == {"letters": 1.0, "picky": 1.0}
        assert [row["heads"]["picky"]["score"] for row in found.json()["scores"]] == [0.5, None]
        rewards = client.post("/get_reward", json={"query": ["three"], "prompts": [""]}).json()
        # "three" has two e: 2 / 6; and 0.5
        assert rewards["rewards"] == pytest.approx([2 / 6 + 0.5])
        assert client.get("/health").json() == {"status": "ok", "heads": ["letters", "picky"]}


def test_what_is_counted_is_read_by_prometheus() -> None:
    with client_of(Picky()) as client:
        client.post("/score", json=ITEMS)
        client.post("/score", content=b"{")
        lines = client.get("/metrics").text.splitlines()
    assert {
        'balcap_requests_total{path="/score",status="200"} 1.0',
        'balcap_requests_total{path="/score",status="400"} 1.0',
        "balcap_captions_total 2.0",
        'balcap_unscored_total{cause="data",head="picky"} 1.0',
        "balcap_queue_captions 0.0",
    } <= {*lines}


def test_a_token_is_asked_for_everywhere_but_for_health() -> None:
    with client_of(Letters(), token="letmein") as client:
        for ask in (
            lambda **given: client.post("/score", json=ITEMS, **given),
            lambda **given: client.post("/get_reward", json={"query": ["a"]}, **given),
            lambda **given: client.get("/metrics", **given),
        ):
            assert ask(headers=TOKEN).status_code == 200
            for headers, said in (({}, "no token"), ({"Authorization": "Bearer x"}, "another")):
                refused = ask(headers=headers)
                assert refused.status_code == 401
                assert refused.headers["WWW-Authenticate"] == "Bearer"
                assert said in refused.json()["error"]
                assert "letmein" not in refused.text
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize(("content", "status", "message"), [
    (b"{", 400, "the body is no JSON"),
    (b"\xff", 400, "the body is no JSON"),
    (b"[" * 100_000, 400, "the body is no JSON"),
    (b"{}", 422, "the body is an object; it must be a list of items"),
    (b"[" + b" " * 1_000_000 + b"]", 413, "more than the 1 MB that --max-body allows"),
])  # fmt: skip
def test_a_body_that_cannot_be_taken_is_one_message(
    content: bytes, status: int, message: str
) -> None:
    with client_of(Letters()) as client:
        for sent in (content, iter([content])):  # with its length beforehand, and without
            found = client.post("/score", content=sent)
            assert found.status_code == status
            assert message in found.json()["error"]


def test_another_address_or_method_is_told_what_there_is() -> None:
    with client_of(Letters()) as client:
        for found, status in ((client.get("/score"), 405), (client.post("/x"), 404)):
            assert found.status_code == status
            assert "have POST /score, POST /get_reward" in found.json()["error"]


def test_a_full_queue_says_when_to_come_again() -> None:
    with client_of(Letters(), max_queue=1) as client:
        assert client.post("/score", json=ITEMS).status_code == 413
        assert client.post("/score", json=ITEMS[:1]).status_code == 200


class Away(Head):  # type: ignore[type-arg]
    name = "away"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        raise RunError("LanguageTool is away")


class Judged(Head):  # type: ignore[type-arg]
    """The judge does not answer for "three", and says nothing usable of "four"."""

    name = "judged"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        answers = {"three": Unscored("timed out", "judge"), "four": Unscored("42", "answer")}
        return [answers.get(caption.text, 1.0) for caption in captions]


def test_what_a_judge_may_answer_later_is_asked_for_again() -> None:
    """`/score` says so of the cell; the other dialect has an error for it, as its clients retry."""
    with client_of(Judged()) as client:
        rows = client.post("/score", json=ITEMS).json()["scores"]
        assert [row["heads"]["judged"]["cause"] for row in rows] == ["judge", "answer"]
        body = {"query": ["one", "three"], "prompts": ["", ""]}
        found = client.post("/get_reward", json=body)
        assert (found.status_code, found.headers["Retry-After"]) == (503, "5")
        assert found.json()["error"].startswith(
            "a judge did not answer for 1 scores of 2 captions (timed out)"
        )
        final = client.post("/get_reward", json={"query": ["one", "four"]})
        assert final.json()["rewards"] == [1.0, None]


class Breaks(Head):  # type: ignore[type-arg]
    name = "breaks"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        raise KeyError("lost")


def test_a_server_behind_a_head_that_is_away_is_a_503() -> None:
    with client_of(Away()) as client:
        found = client.post("/score", json=ITEMS)
    assert (found.status_code, found.headers["Retry-After"]) == (503, "5")
    assert found.json() == {"error": "LanguageTool is away"}


def test_a_head_that_breaks_is_named() -> None:
    with client_of(Brief(), Breaks()) as client:
        found = client.post("/score", json=ITEMS)
    assert found.status_code == 500
    assert "reward head 'breaks' raised KeyError: 'lost'" in found.json()["error"]


class Odd(Head):  # type: ignore[type-arg]
    """Its evidence is not what JSON can hold."""

    name = "odd"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        return [Score(0.5, "\ud800", {"a": math.nan, "b": Path("x")}) for _ in captions]


def test_odd_evidence_costs_no_score() -> None:
    with client_of(Odd()) as client:
        [row, _] = client.post("/score", json=ITEMS).json()["scores"]
    assert (row["total"], row["heads"]["odd"]["evidence"]) == (0.5, {"a": None, "b": "x"})


class Width(Head):  # type: ignore[type-arg]
    """Of the image, over 100."""

    name = "width"

    @property
    def requires(self) -> frozenset[str]:
        return frozenset({"image"})

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        return [
            Unscored("no image") if c.sample.image is None else c.sample.open_image().width / 100
            for c in captions
        ]


def test_heads_see_the_images_of_requests() -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(file, format="PNG")
    image = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    with client_of(Width()) as client:
        found = client.post("/score", json=[{"caption": "a", "image": image}, {"caption": "b"}])
    assert [row["total"] for row in found.json()["scores"]] == [0.4, None]


def test_the_page_of_the_server_shows_the_schema() -> None:
    with client_of(Letters()) as client:
        assert '"reference"' in json.dumps(client.get("/openapi.json").json())
