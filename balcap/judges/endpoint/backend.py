"""Who asks the servers? Packs the questions, sends them, and answers for every single one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

from balcap.config import JudgeSettings
from balcap.errors import JudgeError, UserError
from balcap.judges.endpoint.batching import RequestBatch, can_be_batched, pack, roles_of
from balcap.judges.endpoint.chat_template import ChatTemplate, discover
from balcap.judges.endpoint.config import EndpointSettings
from balcap.judges.endpoint.failures import PassingError, RefusedError
from balcap.judges.endpoint.rate_limit import RateLimiter
from balcap.judges.endpoint.requests import Capabilities, completions
from balcap.judges.endpoint.responses import read
from balcap.judges.endpoint.retries import CircuitBreaker, RetryPolicy
from balcap.judges.endpoint.server import Server
from balcap.judges.endpoint.servers import Servers
from balcap.judges.endpoint.slots import Slots, batches
from balcap.judges.identity import identity_of
from balcap.judges.images import MAX_PIXELS
from balcap.judges.types import Backend, JudgeRequest, JudgeResponse, Outcome, own_settings

BACKOFF = 0.5  # seconds
CHARACTERS_PER_TOKEN = 4  # an estimate, corrected by what the server reports
PIXELS_PER_TOKEN = 784


class Endpoint(Backend):
    """One or several servers of one model that speak OpenAI's protocol.

    Belongs to the event loop of its first question. Servers of one judge are taken to be alike.

    Args:
        settings: with url and model.
        backoff: seconds between a first try and the second; then twice as long each time.

    Raises:
        UserError: if something that it needs is not given.
    """

    Settings = EndpointSettings
    model_example = "--judge.model NAME, as the server at --judge.url calls it"

    def __init__(self, settings: JudgeSettings, backoff: float = BACKOFF) -> None:
        self.check(settings, "a judge")
        self._config = config = own_settings(EndpointSettings, settings)
        self._model = settings.model or ""
        self._max_pixels = settings.max_pixels or MAX_PIXELS
        self._identity = identity_of(self._model, settings)
        self._servers = [Server(url, self._model, config) for url in config.url]
        self._retry_policy = RetryPolicy(config, Servers(self._servers, pause=backoff), backoff)
        self._tokens = RateLimiter(config.tokens_per_minute)
        self._slots = Slots(config.concurrency)
        self._capabilities = Capabilities()
        self._lock = asyncio.Lock()
        self._templates: dict[tuple[str, ...], ChatTemplate | None] = {}

    @classmethod
    def check(cls, settings: JudgeSettings, asker: str) -> None:
        """It needs an address, a model's name, and the key that it names."""
        own_settings(EndpointSettings, settings).check(asker)
        super().check(settings, asker)

    @property
    def identity(self) -> Mapping[str, Any]:
        """The model's name and the size of the images; not where it is asked."""
        return self._identity

    @property
    def name(self) -> str:
        """Such as `reader at http://127.0.0.1:8000/v1`."""
        first, *others = self._config.url
        more = f" and {len(others)} more" if others else ""
        return f"{self._model} at {first}{more}"

    async def answer(self, requests: Sequence[JudgeRequest]) -> AsyncIterator[tuple[int, Outcome]]:
        """Ask with as many requests at once as there are slots, whoever else is asking here.

        Short questions without images travel as a list of prompts where the server lets its chat
        template be found out; an answer's tokens are then an equal share of the list's.
        """
        breaker = CircuitBreaker()
        waiting = await self._packed(requests, breaker)
        packed = iter(waiting)
        if len(waiting) > self._slots.at_once:
            await self._settle_slots()
        done: asyncio.Queue[Mapping[int, Outcome] | BaseException] = asyncio.Queue()

        async def work() -> None:
            try:
                for batch in packed:  # one iterator for all
                    async with self._slots.single if batch.template is None else self._slots.lists:
                        found = await self._outcomes(batch, breaker)
                    done.put_nowait(found)
            except Exception as error:
                done.put_nowait(error)

        number = min(self._slots.at_once, len(waiting))
        workers = [asyncio.create_task(work()) for _ in range(number)]
        try:
            for _ in waiting:
                found = await done.get()
                if isinstance(found, BaseException):
                    raise found
                for pair in found.items():
                    yield pair
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _outcomes(
        self, batch: RequestBatch, breaker: CircuitBreaker
    ) -> Mapping[int, Outcome]:
        """What became of each question of a batch; what was answered is kept, come what may."""
        found: dict[int, Outcome] = {}
        try:
            await self._ask(batch, found, breaker)
        except RefusedError as error:
            rest = batch.without(found)
            if len(rest) > 1:  # one of them may be at fault, such as one that is too long
                for half in rest.halves():
                    found |= await self._outcomes(half, breaker)
            else:
                found |= {number: JudgeError(str(error)) for number, _ in rest.questions}
        except JudgeError as error:
            found |= {number: error for number, _ in batch.without(found).questions}
        return found

    async def _ask(
        self, batch: RequestBatch, found: dict[int, Outcome], breaker: CircuitBreaker
    ) -> None:
        """Send it until it is answered, within the limit on tokens."""
        limited = self._config.tokens_per_minute is not None
        estimate = (
            sum(self._estimate(request) for _, request in batch.questions) if limited else 0.0
        )
        await self._tokens.take(estimate)
        try:
            await self._retry_policy.until_answered(partial(self._once, batch, found), breaker)
        finally:
            answers = [answer for answer in found.values() if isinstance(answer, JudgeResponse)]
            used = sum(answer.prompt_tokens + answer.completion_tokens for answer in answers)
            self._tokens.correct(used - estimate)

    async def _once(self, batch: RequestBatch, found: dict[int, Outcome], server: Server) -> None:
        """One try, with those that have no answer yet."""
        rest = batch.without(found)
        begun = time.monotonic()
        payload = await self._send(rest, server)
        found |= read(payload, rest, time.monotonic() - begun)
        if missing := len(rest.without(found)):
            raise PassingError(f"{missing} of {len(rest)} answers were missing or malformed")

    async def _send(self, batch: RequestBatch, server: Server) -> bytes:
        model = self._model
        if batch.template is not None:
            return await server.post("completions", completions(model, batch))
        [(_, request)] = batch.questions
        while True:
            body = await self._capabilities.chat(model, request, self._max_pixels)
            try:
                return await server.post("chat/completions", body)
            except RefusedError as error:
                if not self._capabilities.learns(error, body):
                    raise

    def _estimate(self, request: JudgeRequest) -> float:
        """Tokens that a question may take."""
        texts = sum(len(message.text) for message in request.messages)
        pictures = sum(len(message.pictures) for message in request.messages)
        read = texts / CHARACTERS_PER_TOKEN + pictures * self._max_pixels / PIXELS_PER_TOKEN
        return read + request.max_tokens

    async def _packed(
        self, requests: Sequence[JudgeRequest], breaker: CircuitBreaker
    ) -> Sequence[RequestBatch]:
        """The requests."""
        roles = {
            n: roles_of(request) for n, request in enumerate(requests) if can_be_batched(request)
        }
        if self._config.requests == "chat":
            roles = {}
        known = {alike: await self._template(alike, breaker) for alike in set(roles.values())}
        templates = {n: found for n, alike in roles.items() if (found := known[alike]) is not None}
        return pack(requests, templates, self._slots.lists_at_once)

    async def _settle_slots(self) -> None:
        """Find out what kind of server it is; servers of one judge are alike."""
        async with self._lock:
            for server in self._servers:
                if self._slots.settled:
                    return
                if any(self._templates.values()):  # found at vLLM's own addresses
                    self._slots.settle(True)
                elif (known := await batches(server)) is not None:
                    self._slots.settle(known)

    async def _template(
        self, roles: tuple[str, ...], breaker: CircuitBreaker
    ) -> ChatTemplate | None:
        """How the servers write such conversations; None: they do not say, or not now."""
        async with self._lock:  # several heads may want it at once
            if roles not in self._templates:
                try:
                    self._templates[roles] = await self._find_out(roles, breaker)
                except JudgeError:
                    return None  # by chat, then, where every question gets its own reason
        return self._templates[roles]

    async def _find_out(self, roles: Sequence[str], breaker: CircuitBreaker) -> ChatTemplate | None:
        async def post(path: str, body: dict[str, Any]) -> Any:
            return await self._retry_policy.until_answered(
                lambda s: s.post_json(path, body), breaker
            )

        try:
            template = await discover(post, self._model, roles)
            why = "its chat template cannot be found out"
        except RefusedError as error:
            template, why = None, f"it has no /tokenize, as vLLM has it ({error})"
        if template is None and self._config.requests == "completions":
            raise UserError(
                f"judge.requests is completions, but {self.name} cannot be asked that way: {why}; "
                "set --judge.requests auto or chat"
            )
        return template
