"""How is a server asked?"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from balcap.config.checks import above, at_least, names_a_variable
from balcap.errors import UserError
from balcap.judges.endpoint.proxies import proxy_of

OPENAI_KEY = "OPENAI_API_KEY"


@dataclass(frozen=True, kw_only=True)
class EndpointSettings:
    """Servers that speak OpenAI's protocol.

    Attributes:
        url: base addresses of the servers, up to and with `/v1`, comma separated: the load is
            spread.
        key: name of the environment variable that holds the server's key, never the key itself;
            default: OPENAI_API_KEY, where it is set.
        requests: `chat`, one request a question; `completions`, many short questions in one; `auto`
            finds out whether the server can be asked that way (vLLM can).
        concurrency: requests in flight at once to all servers together, of which each process of a
            training has an equal share, and at least one; default: 64, and 320 of one question each
            for a server that batches them (vLLM, SGLang).
        requests_per_minute: limit of all processes of a training together, each with an equal
            share; default: none.
        tokens_per_minute: the same, of prompts and answers together; default: none.
        connect_timeout: seconds until a server must have accepted the connection.
        timeout: seconds until a question must be answered, retries included.
        retries: further attempts after a failure that may be temporary.
    """

    group: ClassVar[str] = "judge"  # under which these are given, for messages
    model_option: ClassVar[str] = "judge.model"  # what names the model

    url: tuple[str, ...] = ()
    key: str | None = None
    requests: Literal["auto", "chat", "completions"] = "auto"
    concurrency: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    connect_timeout: float = 10.0
    timeout: float = 120.0
    retries: int = 4

    def __post_init__(self) -> None:
        if self.concurrency is not None:
            at_least(f"{self.group}.concurrency", self.concurrency, 1)
        at_least(f"{self.group}.retries", self.retries, 0)
        above(f"{self.group}.connect_timeout", self.connect_timeout, 0.0)
        above(f"{self.group}.timeout", self.timeout, 0.0)
        for name in ("requests_per_minute", "tokens_per_minute"):
            if getattr(self, name) is not None:
                above(f"{self.group}.{name}", getattr(self, name), 0.0)
        for url in self.url:
            _check_address(f"{self.group}.url", url)
        if self.key is not None and not names_a_variable(self.key):
            raise UserError(  # and the key must not stand in a message either
                f"{self.group}.key is not the name of an environment variable, and perhaps a key "
                "itself; put the key into a variable and give that one's name: "
                f"--{self.group}.key OPENAI_API_KEY"
            )

    @property
    def variable(self) -> str:
        """The environment variable that holds the key."""
        return self.key or OPENAI_KEY

    def check(self, asker: str) -> None:
        """Raise UserError if no server can be asked with these settings; nothing is connected.

        Args:
            asker: the head or protocol, for the message.
        """
        if not self.url:
            raise UserError(
                f"{asker}: backend endpoint needs {self.group}.url, and it is not given; set "
                f"--{self.group}.url http://127.0.0.1:8000/v1"
            )
        if self.key is not None and not os.environ.get(self.key):
            raise UserError(
                f"{asker}: {self.group}.key names the environment variable {self.key!r}, which is "
                f"not set; export {self.key}=..., or name another one (never the key itself)"
            )
        for url in self.url:
            proxy_of(url)


def _check_address(setting: str, url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise UserError(
            f"{setting} has {url!r}; an address begins with http:// or https://, such as "
            "http://127.0.0.1:8000/v1"
        )
    if re.search(r"[@?#]", url):
        raise UserError(
            f"{setting} has an address at {urlsplit(url).hostname!r} with a user, a password or a "
            "query in it; give the bare address, and a key as the name of an environment variable: "
            f"--{setting.removesuffix('url')}key NAME"
        )
