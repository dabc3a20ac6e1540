"""Which judge do heads and protocols ask, and how?"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from balcap.config.backends import BACKEND_KIND
from balcap.config.checks import above, at_least
from balcap.errors import UserError
from balcap.plugins import place_of


@dataclass(frozen=True, kw_only=True)
class JudgeSettings:
    """Which judge is asked, how fast, and where its answers are cached.

    Each head that asks a judge also has these settings as `--HEAD.judge.*`, for itself alone;
    those not given there are taken from `--judge.*`. None means "not given".

    Attributes:
        backend: `endpoint`, a server that speaks OpenAI's protocol (vLLM, SGLang, hosted); `local`,
            a transformers model in this process; `replay`, recorded answers only; `scripted`, a
            function of yours; or a backend of yours, `package.module:Class` or `path.py:Class`.
        model: name on the server, or as it was when the answers of a replay were recorded; hub id
            or folder of a local model; for `scripted` `path.py:function` or
            `package.module:function`, from a question to its answer.
        url: base addresses of the servers, up to and with `/v1`, comma separated: the load is
            spread.
        key: name of the environment variable that holds the server's key, never the key itself;
            default: OPENAI_API_KEY, where it is set.
        requests: `chat`, one request a question; `completions`, many short questions in one; `auto`
            finds out whether the server can be asked that way (vLLM can). Default: auto.
        concurrency: requests in flight at once, from this process to all servers together;
            default: 64.
        requests_per_minute: limit of this process; default: none.
        tokens_per_minute: limit of this process, prompts and answers together; default: none.
        connect_timeout: seconds until a server must have accepted the connection; default: 10.
        timeout: seconds until a question must be answered, retries included; default: 120.
        retries: further attempts after a failure that may be temporary; default: 4.
        redraws: how often an answer that cannot be used (off the menu, unparsable) is drawn again,
            for a head; default: 2, which is ours. CapRL draws none again.
        max_pixels: larger images are shrunk to this before they are sent; default: 1003520, which
            is 1280 patches of Qwen2.5-VL.
        device: of a local model; default: the GPU where there is one.
        batch: questions that a local model answers at once; default: 16.
        cache: file of the answers, shared by processes and runs; `off` keeps none. Default:
            `answers.sqlite` in the folder that the variable BALCAP_CACHE names, else in
            `balcap` in the user's cache folder.
        price_in: US dollars per million prompt tokens, for the cost in the records.
        price_out: US dollars per million tokens of answers.
    """

    backend: str | None = None
    model: str | None = None
    url: tuple[str, ...] | None = None
    key: str | None = None
    requests: Literal["auto", "chat", "completions"] | None = None
    concurrency: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    connect_timeout: float | None = None
    timeout: float | None = None
    retries: int | None = None
    redraws: int | None = None
    max_pixels: int | None = None
    device: str | None = None
    batch: int | None = None
    cache: Path | None = None
    price_in: float | None = None
    price_out: float | None = None

    def __post_init__(self) -> None:
        if self.backend is not None:
            place_of(BACKEND_KIND, self.backend)
        for name in ("concurrency", "max_pixels", "batch"):
            if getattr(self, name) is not None:
                at_least(f"judge.{name}", getattr(self, name), 1)
        for name in ("requests_per_minute", "tokens_per_minute", "connect_timeout", "timeout"):
            if getattr(self, name) is not None:
                above(f"judge.{name}", getattr(self, name), 0.0)
        for name in ("retries", "redraws", "price_in", "price_out"):
            if getattr(self, name) is not None:
                at_least(f"judge.{name}", getattr(self, name), 0)
        for url in self.url or ():
            _check_address(url)
        if self.key is not None and not _is_name(self.key):
            raise UserError(  # and the key must not stand in a message either
                "judge.key is not the name of an environment variable, and perhaps a key itself; "
                "put the key into a variable and give that one's name: --judge.key OPENAI_API_KEY"
            )

    def over(self, general: JudgeSettings) -> JudgeSettings:
        """These settings, and those of `general` where nothing is given here."""
        given = {
            item.name: value
            for item in fields(self)
            if (value := getattr(self, item.name)) is not None
        }
        return replace(general, **given)


def _check_address(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise UserError(
            f"judge.url has {url!r}; an address begins with http:// or https://, such as "
            "http://127.0.0.1:8000/v1"
        )
    if re.search(r"[@?#]", url):
        raise UserError(
            f"judge.url has an address at {urlsplit(url).hostname!r} with a user, a password or a "
            "query in it; give the bare address, and a key as the name of an environment variable: "
            "--judge.key NAME"
        )


# what keys of the well-known services begin with, where it could also be a variable's name
_KEY = re.compile(r"(sk|hf|gsk|pk|rk|xai)_[A-Za-z0-9_]{16,}|AIza\w{16,}")


def _is_name(key: str) -> bool:
    return re.fullmatch(r"[A-Za-z_]\w{0,63}", key) is not None and not _KEY.fullmatch(key)
