"""The settings of a server that writes captions, for `balcap caption --engine server`."""

from __future__ import annotations

from dataclasses import dataclass

from balcap.config.checks import above, at_least


@dataclass(frozen=True, kw_only=True)
class CaptionServerSettings:
    """Servers of the policy that speak OpenAI's protocol and take images: vLLM, SGLang, hosted.

    Attributes:
        url: base addresses, up to and with `/v1`, comma separated: the load is spread.
        key: name of the environment variable that holds the server's key, never the key itself;
            default: OPENAI_API_KEY, where it is set.
        concurrency: captions that are being written at once, by all servers together; default: 64,
            and 320 for a server that batches them (vLLM, SGLang).
        connect_timeout: seconds until a server must have accepted the connection.
        timeout: seconds until a caption must be there, retries included. Ours.
        retries: further attempts after a failure that may be temporary.
    """

    url: tuple[str, ...] = ()
    key: str | None = None
    concurrency: int | None = None
    connect_timeout: float = 10.0
    timeout: float = 600.0
    retries: int = 4

    def __post_init__(self) -> None:
        if self.concurrency is not None:
            at_least("server.concurrency", self.concurrency, 1)
        at_least("server.retries", self.retries, 0)
        above("server.connect_timeout", self.connect_timeout, 0.0)
        above("server.timeout", self.timeout, 0.0)
