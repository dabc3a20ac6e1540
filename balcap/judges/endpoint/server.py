"""How is one server spoken to?"""

from __future__ import annotations

import asyncio
import json
import os
import weakref
from typing import TYPE_CHECKING, Any

from balcap.errors import UserError, did_you_mean
from balcap.judges.endpoint.config import EndpointSettings
from balcap.judges.endpoint.failures import PassingError, RefusedError, of_connection, of_status

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LISTED = 20  # models of a server that an error lists


class Server:
    """One of the addresses, and how it has been doing. Belongs to one event loop.

    Args:
        url: up to and with `/v1`.
        model: its name there.
        config: of the judge.

    Attributes:
        url: its address, up to and with `/v1`.
        in_flight: requests that it has not answered yet.
        losses: connections that it did not take, in a row.
        lost_at: when it did not take the last one, in seconds of the servers' clock.
        out_until: when it is tried again.
        wait_until: when it wants the next request.
    """

    def __init__(self, url: str, model: str, config: EndpointSettings) -> None:
        self.url = url.rstrip("/")
        self.in_flight = 0
        self.losses = 0
        self.lost_at = self.out_until = self.wait_until = 0.0
        self._client: AsyncOpenAI | None = None
        self._worked = False
        self._model = model
        self._config = config

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Load and make the client for that loop; nothing is connected."""
        from openai import AsyncOpenAI, Timeout

        self._client = client = AsyncOpenAI(
            base_url=self.url,
            api_key=self._key or "none",  # the client wants one; a server without keys ignores it
            max_retries=0,  # ours know about the other servers
            timeout=Timeout(None, connect=self._config.connect_timeout),
        )
        # Left to itself, a client that is collected closes its sockets in whichever loop runs just
        # then. This loop, not told, may then take a new socket of the same number for an old one
        # and never hear from it (measured beside a second loop: 34 batches of 250 hung).
        weakref.finalize(self, _close, client, loop).atexit = False

    @property
    def is_open(self) -> bool:
        """Whether there is a client."""
        return self._client is not None

    async def post(self, path: str, body: dict[str, Any]) -> bytes:
        """Send a request once and return the answer's body.

        Args:
            path: below `/v1`; or beside it, for one that begins with `/`.
            body: to be written as JSON.

        Raises:
            PassingError: if another try may help.
            RefusedError: if not.
            UserError: if the key is refused, or the server has no such model.
        """
        url = self.url.removesuffix("/v1") + path if path.startswith("/") else path
        try:
            answer = await self._ask("post", url, body)
        except RefusedError as error:
            if error.status == 404 and not path.startswith("/"):
                raise await self._about_missing(path, error) from None
            raise
        self._worked = True
        return answer

    async def post_json(self, path: str, body: dict[str, Any]) -> Any:
        """The answer as JSON; one that is none counts as refused, for addresses that a server may
        not have."""
        try:
            return json.loads(await self.post(path, body))
        except ValueError:
            raise RefusedError(200, "an answer that is no JSON") from None

    async def _ask(self, method: str, url: str, body: dict[str, Any] | None = None) -> bytes:
        from openai import APIConnectionError, APIStatusError

        # The client's own `chat.completions.create` builds typed objects of the answer, which for
        # a list of 64 prompts with log-probabilities takes longer than all else; and it takes an
        # answer of another form for a good one.
        assert self._client is not None
        try:
            if method == "get":
                return await self._client.get(url, cast_to=bytes)
            return await self._client.post(url, cast_to=bytes, body=body)
        except APIStatusError as error:
            raise of_status(error, self._config.variable, self._key, self._worked) from None
        except APIConnectionError as error:
            raise of_connection(error, self._config.connect_timeout) from None
        except UnicodeEncodeError:
            raise RefusedError(0, "the question is no valid Unicode") from None

    async def _about_missing(self, path: str, error: RefusedError) -> Exception:
        """What a 404 means: no such model, or no such address, or a server that is starting."""
        if self._worked:
            return PassingError(str(error))
        try:
            listed = json.loads(await self._ask("get", "models"))
            models = [str(model["id"]) for model in listed["data"]]
        except (RefusedError, ValueError, KeyError, TypeError):
            return UserError(
                f"{self.url} has no /{path} (HTTP 404: {error.message}); set judge.url to the "
                "server's address up to and with /v1, such as http://127.0.0.1:8000/v1"
            )
        if self._model in models:
            return error
        names = ", ".join(models[:LISTED]) + (" ..." if len(models) > LISTED else "")
        return UserError(
            f"{self.url} has no model {self._model!r}; it has {names or 'none'}"
            f"{did_you_mean(self._model, models)}; set judge.model"
        )

    @property
    def _key(self) -> str:
        return os.environ.get(self._config.variable, "")


def _close(client: AsyncOpenAI, loop: asyncio.AbstractEventLoop) -> None:
    """Close the connections in their own loop, from whichever thread."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(lambda: loop.create_task(client.close()))
