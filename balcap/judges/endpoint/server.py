"""How is one server spoken to?"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import weakref
from typing import TYPE_CHECKING, Any

from balcap.errors import UserError, did_you_mean
from balcap.judges.endpoint.config import EndpointSettings
from balcap.judges.endpoint.failures import PassingError, RefusedError, of_connection, of_status
from balcap.judges.endpoint.proxies import proxy_of

if TYPE_CHECKING:
    from aiohttp import ClientSession

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
        self._session: ClientSession | None = None
        self._worked = False
        self._model = model
        self._config = config

    def open(self) -> ClientSession:
        """The client for the loop that runs, made once; nothing is connected."""
        if self._session is None:
            from aiohttp import ClientSession, ClientTimeout, TCPConnector

            self._session = session = ClientSession(
                connector=TCPConnector(limit=0),  # how many at once is the backend's business
                # how long an answer may take is known to who asks
                timeout=ClientTimeout(total=None, sock_connect=self._config.connect_timeout),
                # found once: `trust_env` looks for it, and for a password in ~/.netrc that would
                # stand in the way of the key, on disk and in two threads for each request
                proxy=proxy_of(self.url),
                headers={"Authorization": f"Bearer {self._key}"} if self._key else None,
            )
            # Left to itself, a client that is collected complains that it was not closed.
            weakref.finalize(self, _close, session, asyncio.get_running_loop())
        return self._session

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
        base = self.url.removesuffix("/v1") if path.startswith("/") else f"{self.url}/"
        try:
            answer = await self._ask("POST", base + path, body)
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

    async def get(self, path: str) -> bytes:
        """The body at an address below `/v1`; raises as `post`, and what is missing is refused."""
        return await self._ask("GET", f"{self.url}/{path}")

    async def models(self) -> dict[str, str]:
        """The models that it lists, each with its owner; raises as `get`, and an answer that is no
        such list counts as refused."""
        try:
            listed = json.loads(await self.get("models"))
            return {str(model["id"]): str(model.get("owned_by")) for model in listed["data"]}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise RefusedError(200, "an answer that is no list of models") from None

    async def _ask(self, method: str, url: str, body: dict[str, Any] | None = None) -> bytes:
        import aiohttp

        try:
            content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise RefusedError(0, "the question is no valid Unicode") from None
        kind = {"Content-Type": "application/json"}
        try:
            async with self.open().request(method, url, data=content, headers=kind) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise of_connection(error, self.url, self._config) from None
        if response.status >= 400:
            raise of_status(response, answer, self._config, self._key, self._worked)
        return answer

    async def _about_missing(self, path: str, error: RefusedError) -> Exception:
        """What a 404 means: no such model, or no such address, or a server that is starting."""
        if self._worked:
            return PassingError(str(error))
        try:
            models = [*await self.models()]
        except RefusedError:
            return UserError(
                f"{self.url} has no /{path} (HTTP 404: {error.message}); set "
                f"{self._config.group}.url to the server's address up to and with /v1, such as "
                "http://127.0.0.1:8000/v1"
            )
        if self._model in models:
            return error
        names = ", ".join(models[:LISTED]) + (" ..." if len(models) > LISTED else "")
        return UserError(
            f"{self.url} has no model {self._model!r}; it has {names or 'none'}"
            f"{did_you_mean(self._model, models)}; set {self._config.model_option}"
        )

    @property
    def _key(self) -> str:
        return os.environ.get(self._config.variable, "")


def _close(session: ClientSession, loop: asyncio.AbstractEventLoop) -> None:
    """Close the connections in their own loop, from whichever thread; at the end of the process
    too."""
    if not loop.is_running():
        return
    closed = asyncio.run_coroutine_threadsafe(session.close(), loop)
    try:
        asyncio.get_running_loop()  # which could not close them while it waits
    except RuntimeError:
        with contextlib.suppress(TimeoutError):
            closed.result(timeout=1.0)
