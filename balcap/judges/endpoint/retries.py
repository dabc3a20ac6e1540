"""How often, how long and how fast is a request tried?"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from balcap.errors import JudgeError
from balcap.judges.endpoint.config import EndpointSettings
from balcap.judges.endpoint.failures import PassingError, RefusedError
from balcap.judges.endpoint.rate_limit import RateLimiter
from balcap.judges.endpoint.server import Server
from balcap.judges.endpoint.servers import Servers

T = TypeVar("T")

LONGEST_PAUSE = 8.0  # seconds between two tries, where the server asks for none
FAILURES_IN_A_ROW = 8  # requests in a row that nobody answered


class CircuitBreaker:
    """Has a batch found out that nobody answers?

    Ten thousand questions to a server that is gone would otherwise each use up their tries.

    Attributes:
        reason: why the rest of the batch is not asked; empty while it is.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._in_a_row = 0

    def answered(self) -> None:
        """Somebody is there."""
        self._in_a_row = 0

    def failed(self, reason: str) -> None:
        """A request used up its tries, or its time."""
        self._in_a_row += 1
        if self._in_a_row >= FAILURES_IN_A_ROW:
            self.reason = reason


class RetryPolicy:
    """Sends requests until they are answered, within the configuration.

    Args:
        config: of the judge.
        servers: who may answer.
        backoff: seconds of the first pause; each further one is twice as long, up to 8, and a
            random part of up to a half is taken off.
    """

    def __init__(self, config: EndpointSettings, servers: Servers, backoff: float) -> None:
        self._config = config
        self._servers = servers
        self._backoff = backoff
        self._limiter = RateLimiter(config.requests_per_minute)

    async def until_answered(
        self, once: Callable[[Server], Awaitable[T]], breaker: CircuitBreaker
    ) -> T:
        """Return what `once` returns.

        The time-out begins when the limit on requests lets the first try go.

        Args:
            once: one try at a server; raises PassingError if another may help. What else it raises
                ends the tries.
            breaker: of the batch.

        Raises:
            JudgeError: if no try was answered in time.
            RefusedError: if a try was refused.
        """
        await self._limiter.take()
        deadline = asyncio.get_running_loop().time() + self._config.timeout
        problems: list[str] = []
        try:
            async with asyncio.timeout_at(deadline) as limit:
                return await self._attempts(once, breaker, deadline, problems)
        except TimeoutError:
            if not limit.expired():
                raise
            last = f" (before: {problems[-1]})" if problems else ""
            reason = f"timed out after {self._config.timeout:g} s{last}"
            breaker.failed(reason)
            raise JudgeError(reason) from None

    async def _attempts(
        self,
        once: Callable[[Server], Awaitable[T]],
        breaker: CircuitBreaker,
        deadline: float,
        problems: list[str],
    ) -> T:
        for number in range(self._config.retries + 1):
            if number:
                await self._limiter.take()
            if breaker.reason:
                raise JudgeError(breaker.reason)
            server = self._servers.take()
            begun = self._servers.now()
            try:
                await self._wait(server, deadline, problems)
                answer = await once(server)
            except PassingError as error:
                problems.append(str(error))
                pause = self._note(error, server, begun, number)
            except RefusedError:
                self._servers.answered(server)
                breaker.answered()
                raise
            else:
                self._servers.answered(server)
                breaker.answered()
                return answer
            finally:
                server.in_flight -= 1
            if number < self._config.retries:
                await asyncio.sleep(pause)
        tries = f" ({len(problems)} tries)" if len(problems) > 1 else ""
        breaker.failed(problems[-1] + tries)
        raise JudgeError(problems[-1] + tries)

    async def _wait(self, server: Server, deadline: float, problems: list[str]) -> None:
        """Until the server wants the next request; or give up, if that is too late."""
        wait = server.wait_until - self._servers.now()
        if wait <= 0:
            return
        if wait > deadline - asyncio.get_running_loop().time():
            before = f"{problems[-1]}; " if problems else ""
            raise JudgeError(
                f"{before}{server.url} asks to wait {wait:.0f} s, longer than "
                f"{self._config.group}.timeout allows"
            )
        await asyncio.sleep(wait + random.random() * self._backoff)

    def _note(self, error: PassingError, server: Server, begun: float, number: int) -> float:
        """Remember what this says of the server; return the seconds until the next try."""
        pause = min(LONGEST_PAUSE, self._backoff * 2.0**number) * random.uniform(0.5, 1.0)
        if error.lost:
            return 0.0 if self._servers.lost(server, begun) else pause
        self._servers.answered(server)
        if error.wait:
            server.wait_until = max(server.wait_until, self._servers.now() + error.wait)
            return 0.0
        return pause
