"""A transformers model in this process as a judge: no server, a batch of questions at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from balcap.config import JudgeSettings, at_least
from balcap.errors import UserError
from balcap.judges.identity import identity_of, versioned
from balcap.judges.images import MAX_PIXELS
from balcap.judges.local.gguf import gguf_file
from balcap.judges.types import Backend, JudgeRequest, Outcome, own_settings


@dataclass(frozen=True, kw_only=True)
class LocalSettings:
    """A model in this process.

    Attributes:
        device: where it runs; default: the GPU where there is one.
        batch: questions that are answered at once.
    """

    device: str | None = None
    batch: int = 16

    def __post_init__(self) -> None:
        at_least("judge.batch", self.batch, 1)


class Local(Backend):
    """A text LLM or an MLLM. Loaded at the first question, once for all that ask the same one.

    An answer does not hang on what is asked beside it, but for rounding: a draw takes its random
    numbers from its own question, and another batch changes an answer only where two tokens are as
    good as equal, in the last digits of the number format. `--judge.batch 1` rules that out too.

    A schema is not held to; the asker checks the answer all the same.

    Raises:
        UserError: if the model is a folder or GGUF file that is not there, or what reads such a
            file is not installed.
    """

    Settings = LocalSettings
    named_by = "model"
    model_example = "--judge.model Qwen/Qwen2.5-7B-Instruct, a folder, a .gguf file, or smollm2"

    def __init__(self, settings: JudgeSettings) -> None:
        self._own = own_settings(LocalSettings, settings)
        self._model = self._source = settings.model or ""
        self._max_pixels = settings.max_pixels or MAX_PIXELS
        path = gguf_file(self._source) or Path(self._source).expanduser()
        is_here = path.is_dir() or path.suffix == ".gguf"
        self._identity = identity_of(versioned(path) if is_here else self._source, settings)
        if is_here:
            self._source = str(path)
        elif self._source.startswith((".", "/", "~")) or self._source.count("/") > 1:
            raise UserError(
                f"no folder {settings.model!r} with the judge's model (looked in {Path.cwd()}); "
                "give one written by save_pretrained, or a hub id such as Qwen/Qwen2.5-7B-Instruct"
            )

    @property
    def identity(self) -> Mapping[str, Any]:
        """A hub id as it is; a folder or file with its version, as it may change."""
        return self._identity

    @property
    def name(self) -> str:
        """The model, and that it runs here."""
        return f"{self._model} in this process"

    async def answer(self, requests: Sequence[JudgeRequest]) -> AsyncIterator[tuple[int, Outcome]]:
        """Answer in batches of questions of about the same length; in threads, one at a time.

        Raises:
            UserError: if the model or the device is not there, or if a text model is asked about a
                picture, or a choice is no token of its own.
        """
        batch = self._own.batch
        order = sorted(range(len(requests)), key=lambda number: _likeness(requests[number]))
        for numbers in _batches(order, [bool(_pictures(request)) for request in requests], batch):
            outcomes = await asyncio.to_thread(self._answered, [requests[n] for n in numbers])
            for number, outcome in zip(numbers, outcomes, strict=True):
                yield number, outcome

    def _answered(self, requests: Sequence[JudgeRequest]) -> list[Outcome]:
        from balcap.judges.local.model import load

        return load(self._source, self._own.device).answer(requests, self._max_pixels)


def _likeness(request: JudgeRequest) -> tuple[bool, int, int]:
    """What should be alike in a batch, so that little of it is padding."""
    return (
        _pictures(request) > 0,
        request.max_tokens,
        sum(len(message.text) for message in request.messages),
    )


def _pictures(request: JudgeRequest) -> int:
    return sum(len(message.pictures) for message in request.messages)


def _batches(order: Sequence[int], seeing: Sequence[bool], size: int) -> list[list[int]]:
    """Split; questions with and without pictures stay apart, as processors want it."""
    split = [[n for n in order if seeing[n] == kind] for kind in (False, True)]
    return [part[i : i + size] for part in split for i in range(0, len(part), size)]
