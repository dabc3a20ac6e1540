"""How is a server asked? The settings, with the defaults filled in."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Literal

from balcap.config import JudgeSettings
from balcap.errors import UserError
from balcap.judges.images import MAX_PIXELS

OPENAI_KEY = "OPENAI_API_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfig:
    """As in `JudgeSettings`, whose documentation states the same defaults.

    Attributes:
        key: name of the environment variable, never the key.
    """

    model: str
    url: tuple[str, ...]
    key: str = OPENAI_KEY
    requests: Literal["auto", "chat", "completions"] = "auto"
    concurrency: int = 64
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    connect_timeout: float = 10.0
    timeout: float = 120.0
    retries: int = 4
    max_pixels: int = MAX_PIXELS

    @staticmethod
    def of(settings: JudgeSettings) -> EndpointConfig:
        """What is given, and the defaults for the rest. Raises UserError as `check` does."""
        check(settings, "a judge")
        given = {item.name: getattr(settings, item.name) for item in fields(EndpointConfig)}
        return EndpointConfig(**{name: value for name, value in given.items() if value is not None})


def check(settings: JudgeSettings, asker: str) -> None:
    """Raise UserError if a server cannot be asked with these settings; nothing is connected.

    Args:
        settings: of backend `endpoint`.
        asker: the head or protocol, for the message.
    """
    for name, example in (("url", "http://127.0.0.1:8000/v1"), ("model", "NAME")):
        if not getattr(settings, name):
            raise UserError(
                f"{asker}: backend endpoint needs judge.{name}, and it is not given; set "
                f"--judge.{name} {example}"
            )
    if settings.key is not None and not os.environ.get(settings.key):
        raise UserError(
            f"{asker}: judge.key names the environment variable {settings.key!r}, which is not "
            f"set; export {settings.key}=..., or name another one (never the key itself)"
        )
