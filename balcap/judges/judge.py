"""What a head asks: a backend, behind a cache and a table of the questions on their way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from balcap.errors import JudgeError
from balcap.judges.cache import AnswerCache, Memory
from balcap.judges.contract import Answer, Ask, Backend, Outcome
from balcap.judges.usage import Usage

T = TypeVar("T")


@dataclass(frozen=True)
class Desk:
    """Where a backend's questions come in; shared by all heads that ask the same one.

    Attributes:
        backend: who answers what is not known yet.
        answers: what is known: the cache, or this process's memory where there is none.
        on_the_way: questions that are being asked, by their key.
    """

    backend: Backend
    answers: AnswerCache | Memory = field(default_factory=Memory)
    on_the_way: dict[str, asyncio.Future[Outcome]] = field(default_factory=dict)


class Judge:
    """A head's own line to a desk, with its own account.

    Args:
        desk: whom it asks.
        price_in: US dollars per million prompt tokens.
        price_out: US dollars per million tokens of answers.
    """

    def __init__(self, desk: Desk, price_in: float = 0.0, price_out: float = 0.0) -> None:
        self.desk = desk
        self.usage = Usage()
        self._prices = (price_in / 1e6, price_out / 1e6)

    @property
    def name(self) -> str:
        """How the judge is called in messages."""
        return self.desk.backend.name

    async def ask(self, asks: Sequence[Ask]) -> list[Outcome]:
        """Ask all at once; one outcome each, in their order.

        A question that is known is not asked; one that is on its way, for whichever head, is asked
        once. An answer is kept the moment it arrives.

        Raises:
            UserError: for what the user must mend, such as a key that is not set.
        """
        identity = self.desk.backend.identity
        keys = [ask.key(identity) for ask in asks]
        wanted = dict(zip(keys, asks, strict=True))
        found: dict[str, Outcome] = dict(self.desk.answers.get(list(wanted)))
        waiting = {
            key: self.desk.on_the_way[key]
            for key in wanted
            if key not in found and key in self.desk.on_the_way
        }
        new = {key: ask for key, ask in wanted.items() if key not in found and key not in waiting}
        found |= await self._asked(new)
        for key, future in waiting.items():
            found[key] = await future
        self._count(keys, new, found)
        return [found[key] for key in keys]

    async def read(
        self, asks: Sequence[Ask], reader: Callable[[Answer], T]
    ) -> list[T | JudgeError]:
        """Ask all at once and read the answers; what the reader refuses is that answer's failure.

        Args:
            asks: the questions.
            reader: an answer to what is made of it; raises UnusableAnswerError.
        """

        def outcome(answer: Outcome) -> T | JudgeError:
            if isinstance(answer, JudgeError):
                return answer
            try:
                return reader(answer)
            except JudgeError as error:
                self.usage += Usage(failed=1)
                return error

        return [outcome(answer) for answer in await self.ask(asks)]

    async def _asked(self, new: Mapping[str, Ask]) -> dict[str, Outcome]:
        """Ask the backend, keeping every answer as it comes."""
        loop = asyncio.get_running_loop()
        futures = {key: loop.create_future() for key in new}
        self.desk.on_the_way.update(futures)
        keys = list(new)
        outcomes: dict[str, Outcome] = {}
        try:
            async for number, outcome in self.desk.backend.answer(list(new.values())):
                key = keys[number]
                outcomes[key] = outcome
                if isinstance(outcome, Answer):
                    self.desk.answers.put(key, self.desk.backend.identity, new[key], outcome)
                futures[key].set_result(outcome)
        finally:
            for key, future in futures.items():
                self.desk.on_the_way.pop(key, None)
                if not future.done():  # the backend raised: whoever waits here must not wait on
                    future.set_result(JudgeError(f"{self.name} was not asked to the end"))
        return outcomes

    def _count(
        self, keys: Sequence[str], new: Mapping[str, Ask], found: Mapping[str, Outcome]
    ) -> None:
        fresh = [answer for key in new if isinstance(answer := found[key], Answer)]
        tokens_in = sum(answer.prompt_tokens for answer in fresh)
        tokens_out = sum(answer.completion_tokens for answer in fresh)
        self.usage += Usage(
            questions=len(keys),
            cached=len(keys) - len(new),
            failed=sum(isinstance(found[key], JudgeError) for key in keys),
            prompt_tokens=tokens_in,
            completion_tokens=tokens_out,
            seconds=sum(answer.seconds for answer in fresh),
            dollars=tokens_in * self._prices[0] + tokens_out * self._prices[1],
        )
