"""Requests that come in together are scored together, and none is lost or mixed up."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from balcap.errors import RunError
from balcap.serving.batching import Batcher
from balcap.serving.errors import RequestError
from balcap.serving.items import Asked
from balcap.serving.scorer import Row
from balcap.types import Caption, Sample


def asked(*texts: str) -> list[Asked]:
    return [Asked(Caption(Sample("x", ""), text), "") for text in texts]


class Echo:
    """Answers each caption with its text; keeps the batches."""

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.batches: list[list[str]] = []
        self._gate = gate

    def __call__(self, asked: Sequence[Asked]) -> list[Row | Exception]:
        self.batches.append([each.caption.text for each in asked])
        if self._gate is not None:
            assert self._gate.wait(10)
        return [{"text": each.caption.text} for each in asked]


def with_batcher(scoring: Callable[..., Any], use: Callable[[Batcher], Any], **given: Any) -> Any:
    async def main() -> Any:
        batcher = Batcher(scoring, **{"max_batch": 8, "max_wait": 0.05, "max_queue": 64, **given})
        batcher.start()
        try:
            return await use(batcher)
        finally:
            await batcher.stop()

    return asyncio.run(main())


def test_requests_that_come_together_share_a_batch() -> None:
    echo = Echo()

    async def use(batcher: Batcher) -> list[list[Row]]:
        return await asyncio.gather(*(batcher.score(asked(f"{n}a", f"{n}b")) for n in range(4)))

    found = with_batcher(echo, use)
    assert [[row["text"] for row in rows] for rows in found] == [
        [f"{n}a", f"{n}b"] for n in range(4)
    ]
    assert [len(batch) for batch in echo.batches] == [8]


def test_no_batch_is_longer_than_allowed() -> None:
    echo = Echo()
    texts = [str(n) for n in range(20)]
    found = with_batcher(echo, lambda batcher: batcher.score(asked(*texts)))
    assert [row["text"] for row in found] == texts
    assert [len(batch) for batch in echo.batches] == [8, 8, 4]


def test_a_full_batch_does_not_wait() -> None:
    """Were it to wait for others, this would take an hour."""
    texts = [str(n) for n in range(8)]
    found = with_batcher(Echo(), lambda batcher: batcher.score(asked(*texts)), max_wait=3600.0)
    assert len(found) == 8


def test_what_the_queue_has_no_place_for_is_turned_away_and_the_rest_answered() -> None:
    gate = threading.Event()
    echo = Echo(gate)

    async def use(batcher: Batcher) -> tuple[list[Row], list[Row]]:
        first = asyncio.create_task(batcher.score(asked("1")))
        while not echo.batches:  # it is being scored, and waits no more
            await asyncio.sleep(0.001)
        second = asyncio.create_task(batcher.score(asked("2", "3", "4")))
        await asyncio.sleep(0)
        with pytest.raises(RequestError) as caught:
            await batcher.score(asked("5", "6"))
        assert (caught.value.status, caught.value.wait) == (429, 1)
        assert caught.value.message.startswith("3 captions wait, and --max-queue allows 4")
        gate.set()
        return await first, await second

    first, second = with_batcher(echo, use, max_queue=4)
    assert [row["text"] for row in (*first, *second)] == ["1", "2", "3", "4"]


def test_more_than_the_queue_holds_is_never_taken() -> None:
    async def use(batcher: Batcher) -> None:
        with pytest.raises(RequestError) as caught:
            await batcher.score(asked(*"12345"))
        assert (caught.value.status, caught.value.wait) == (413, 0)

    with_batcher(Echo(), use, max_queue=4)


def test_a_failure_is_told_and_the_next_batch_is_scored() -> None:
    def scoring(asked: Sequence[Asked]) -> list[Row | Exception]:
        texts = [each.caption.text for each in asked]
        if "away" in texts:
            raise RunError("away")
        return [KeyError(text) if text == "bad" else {"text": text} for text in texts]

    async def use(batcher: Batcher) -> list[Any]:
        with pytest.raises(RunError):
            await batcher.score(asked("away"))
        return await asyncio.gather(
            batcher.score(asked("good")), batcher.score(asked("fine", "bad")),
            return_exceptions=True,
        )  # fmt: skip

    good, bad = with_batcher(scoring, use)
    assert good == [{"text": "good"}]
    assert isinstance(bad, KeyError)
