"""What a head asks: a backend, behind a cache and a table of the questions on their way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from balcap.errors import JudgeError, UnusableAnswerError
from balcap.judges.cache.answers import AnswerCache, Memory
from balcap.judges.types import Backend, JudgeRequest, JudgeResponse, Outcome
from balcap.judges.usage import Usage, enter

T = TypeVar("T")
Reader = Callable[[JudgeResponse], T]
"""From an answer to what is made of it; raises UnusableAnswerError."""

Place = tuple[asyncio.AbstractEventLoop, str]


@dataclass(frozen=True)
class SharedBackend:
    """Where a backend's questions come in; shared by all heads that ask the same one.

    Attributes:
        backend: who answers what is not known yet.
        answers: what is known: the cache, or this process's memory where there is none.
        in_flight: questions that are being asked, by the event loop in which they are and their
            key; each ends as its outcome, or as None if its asker was stopped.
    """

    backend: Backend
    answers: AnswerCache | Memory = field(default_factory=Memory)
    in_flight: dict[Place, asyncio.Future[Outcome | None]] = field(default_factory=dict)


class Judge:
    """A head's own access to a shared backend, with its own account.

    Args:
        shared: whom it asks.
        price_in: US dollars per million prompt tokens.
        price_out: US dollars per million tokens of answers.
        redraws: how often `read` draws an answer again that cannot be used.
    """

    def __init__(
        self,
        shared: SharedBackend,
        price_in: float = 0.0,
        price_out: float = 0.0,
        redraws: int = 0,
    ) -> None:
        self.redraws = redraws
        self.shared = shared
        self.usage = Usage()
        self._prices = (price_in / 1e6, price_out / 1e6)

    @property
    def name(self) -> str:
        """How the judge is called in messages."""
        return self.shared.backend.name

    @property
    def answer_file(self) -> Path | None:
        """Where its answers are kept; None where only this process remembers them."""
        answers = self.shared.answers
        return answers.path if isinstance(answers, AnswerCache) else None

    async def ask(self, requests: Sequence[JudgeRequest]) -> list[Outcome]:
        """Ask all at once; one outcome each, in their order.

        A question that is known is not asked; one that is on its way, for whichever head, is asked
        once. An answer is kept the moment it arrives, and is on disk when this returns. A failure
        is not kept: the question is asked again the next time.

        Raises:
            UserError: for what the user must mend, such as a key that is not set.
        """
        identity = self.shared.backend.identity
        # in a thread, as everything here that takes long: the loop has requests to attend to
        keys = await asyncio.to_thread(lambda: [request.key(identity) for request in requests])
        wanted = dict(zip(keys, requests, strict=True))
        found: dict[str, Outcome] = {}
        sent: set[str] = set()
        while left := {key: request for key, request in wanted.items() if key not in found}:
            found |= await self._found(left, sent)
        self._count(keys, sent, found)
        return [found[key] for key in keys]

    async def read(
        self,
        requests: Sequence[JudgeRequest],
        reader: Reader[T] | Sequence[Reader[T]],
    ) -> list[T | JudgeError]:
        """Ask all at once and read the answers.

        An answer that the reader refuses is drawn again, up to `redraws` times; what is refused
        each time is that question's failure, the last one of them. The draws have keys of their
        own in the cache, so that asking the same again gives the same.

        Args:
            requests: the questions.
            reader: an answer to what is made of it; raises UnusableAnswerError. One for all, or
                one each, for questions whose answers differ in form.
        """
        readers = [reader] * len(requests) if callable(reader) else reader
        found = await self._read_once(requests, readers)
        self._spend(Usage(unusable=_count_unusable(found)))
        for time in range(1, self.redraws + 1):
            again = {
                number: redrawn
                for number, one in enumerate(found)
                if isinstance(one, UnusableAnswerError)
                and (redrawn := requests[number].drawn_again(time)) is not None
            }
            if not again:
                break
            more = await self._read_once(list(again.values()), [readers[n] for n in again])
            self._spend(Usage(redrawn=len(again)))
            for number, one in zip(again, more, strict=True):
                found[number] = one
        dropped = _count_unusable(found)
        self._spend(Usage(failed=dropped, dropped=dropped))
        return found

    async def _read_once(
        self, requests: Sequence[JudgeRequest], readers: Sequence[Reader[T]]
    ) -> list[T | JudgeError]:
        def outcome(answer: Outcome, read: Reader[T]) -> T | JudgeError:
            if isinstance(answer, JudgeError):
                return answer
            try:
                return read(answer)
            except JudgeError as error:
                return error

        return [outcome(*pair) for pair in zip(await self.ask(requests), readers, strict=True)]

    async def _found(
        self, wanted: Mapping[str, JudgeRequest], sent: set[str]
    ) -> dict[str, Outcome]:
        """What became of questions, without those that another call was to ask and gave up."""
        loop = asyncio.get_running_loop()
        waiting = {key: self.shared.in_flight.get((loop, key)) for key in wanted}
        own = {key: request for key, request in wanted.items() if waiting[key] is None}
        found = await self._looked_up_or_asked(own, sent)
        # only now: who waits has asked all of its own, so two calls never wait for each other
        for key, future in waiting.items():
            # shielded: if this call is cancelled, the question's other askers still get the answer
            if future and (outcome := await asyncio.shield(future)) is not None:
                found[key] = outcome
        return found

    async def _looked_up_or_asked(
        self, own: Mapping[str, JudgeRequest], sent: set[str]
    ) -> dict[str, Outcome]:
        if not own:
            return {}
        loop = asyncio.get_running_loop()
        in_flight = {(loop, key): loop.create_future() for key in own}
        self.shared.in_flight.update(in_flight)
        found: dict[str, Outcome] = {}

        def arrived(key: str, outcome: Outcome) -> None:
            found[key] = outcome
            self.shared.in_flight.pop((loop, key)).set_result(outcome)

        try:
            known = await asyncio.to_thread(self.shared.answers.get, list(own))
            for key, answer in known.items():
                arrived(key, answer)
            await self._send({key: own[key] for key in own if key not in known}, sent, arrived)
        finally:
            for place, future in in_flight.items():
                if not future.done():  # given up: whoever waits for it asks anew
                    self.shared.in_flight.pop(place)
                    future.set_result(None)
        return found

    async def _send(
        self,
        new: Mapping[str, JudgeRequest],
        sent: set[str],
        arrived: Callable[[str, Outcome], None],
    ) -> None:
        """Ask the backend, keeping every answer as it comes."""
        if not new:
            return
        sent.update(new)
        backend, answers, keys = self.shared.backend, self.shared.answers, list(new)
        left = set(keys)
        async for number, outcome in backend.answer(list(new.values())):
            key = keys[number]
            if isinstance(outcome, JudgeResponse):
                answers.put(key, backend.identity, new[key], outcome)
            left.remove(key)
            arrived(key, outcome)
        for key in left:
            arrived(key, JudgeError(f"{self.name} left the question out"))
        await asyncio.to_thread(answers.flush)

    def _count(self, keys: Sequence[str], sent: set[str], found: Mapping[str, Outcome]) -> None:
        fresh = [answer for key in sent if isinstance(answer := found[key], JudgeResponse)]
        tokens_in = sum(answer.prompt_tokens for answer in fresh)
        tokens_out = sum(answer.completion_tokens for answer in fresh)
        self._spend(
            Usage(
                questions=len(keys),
                cached=len(keys) - len(sent),
                failed=sum(_is_no_answer(found[key]) for key in keys),
                prompt_tokens=tokens_in,
                completion_tokens=tokens_out,
                seconds=sum(answer.seconds for answer in fresh),
                dollars=tokens_in * self._prices[0] + tokens_out * self._prices[1],
            )
        )

    def _spend(self, usage: Usage) -> None:
        self.usage += usage
        enter(usage)


def _is_no_answer(outcome: Outcome) -> bool:
    return isinstance(outcome, JudgeError) and not isinstance(outcome, UnusableAnswerError)


def _count_unusable(found: Sequence[object]) -> int:
    return sum(isinstance(one, UnusableAnswerError) for one in found)
