"""Settings -> a judge. Nothing is connected, loaded or sent before the first question."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from functools import cache
from pathlib import Path

from balcap.config import JudgeSettings
from balcap.config.backends import BACKEND_KIND
from balcap.errors import UserError
from balcap.judges.cache.answers import Memory, open_cache
from balcap.judges.cache.location import cache_file
from balcap.judges.judge import Judge, SharedBackend
from balcap.judges.types import Backend
from balcap.plugins import find_class

EXAMPLES = {
    "endpoint": "--judge.model NAME, as the server at --judge.url calls it",
    "local": "--judge.model Qwen/Qwen2.5-7B-Instruct, or a folder",
    "replay": "--judge.model NAME, as it was when the answers were recorded",
    "scripted": "--judge.model path.py:function, from a question to its answer",
}


def open_judge(settings: JudgeSettings, asker: str, redraws: int = 0) -> Judge:
    """Return a judge for one asker, with an account of its own.

    Those of the same settings share the backend with its limits, and the cache.

    Args:
        settings: with a backend, and with what that backend needs.
        asker: the head or protocol, for errors.
        redraws: how often an unusable answer is drawn again, where the settings do not say.

    Raises:
        UserError: if no backend is given, or something that it needs, or if answers can be neither
            kept nor found where the cache is to be.
    """
    _check(settings, asker)
    unpriced = replace(settings, price_in=None, price_out=None, redraws=None)
    with _lock:  # two threads may open the same one at once
        shared = _shared_backend(unpriced)
    redraws = redraws if settings.redraws is None else settings.redraws
    if settings.backend == "replay":  # what was recorded was paid for then
        return Judge(shared, redraws=redraws)
    return Judge(shared, settings.price_in or 0.0, settings.price_out or 0.0, redraws)


def forget() -> None:
    """Let go of every shared backend and of what was remembered, as a new process would begin."""
    with _lock:
        _shared_backend.cache_clear()


_lock = threading.Lock()


@cache
def _shared_backend(settings: JudgeSettings) -> SharedBackend:
    file = cache_file(settings)
    if settings.backend == "replay" or file is None:
        return SharedBackend(_backend(settings), Memory())
    return SharedBackend(_backend(settings), open_cache(file))


def _backend(settings: JudgeSettings) -> Backend:
    """Imported only where it is asked for."""
    assert settings.backend is not None, "checked when the judge is opened"
    backend: Backend = find_backend(settings.backend).of(settings)
    return backend


def find_backend(reference: str) -> type[Backend]:
    """The class of a backend: built in, installed, `package.module:Class` or `path.py:Class`.

    Raises:
        UserError: if there is none, or it breaks the contract of `Backend`.
    """
    return find_class(BACKEND_KIND, reference, Backend, named=False)  # type: ignore[type-abstract]


def _check(settings: JudgeSettings, asker: str) -> None:
    if settings.backend is None:
        raise UserError(
            f"{asker} asks a judge, and none is set; say which: --judge.backend endpoint "
            "--judge.url http://127.0.0.1:8000/v1 --judge.model NAME"
        )
    if settings.backend == "endpoint":
        from balcap.judges.endpoint import check

        check(settings, asker)
    if not settings.model:
        raise UserError(
            f"{asker} asks a judge of the backend {settings.backend}, and no model is set; say "
            f"which: {EXAMPLES.get(settings.backend, '--judge.model NAME')}"
        )
    file = cache_file(settings)
    if settings.backend != "replay":
        _check_writable(file)
    elif file is None:
        raise UserError(
            "judge.cache is off, and the backend replay answers from a file; give it: "
            "--judge.cache PATH"
        )


def _check_writable(file: Path | None) -> None:
    """Without making anything: the settings may only be printed."""
    if file is None:
        return
    folder = next(above for above in file.absolute().parents if above.exists())
    problem = ""
    if file.is_dir():
        problem = f"{file} is a folder"
    elif not folder.is_dir():
        problem = f"{folder} is no folder"
    elif not os.access(folder, os.W_OK | os.X_OK):
        problem = f"the folder {folder} cannot be written to"
    elif file.exists() and not os.access(file, os.R_OK | os.W_OK):
        problem = f"{file} cannot be read and written"
    if problem:
        raise UserError(
            f"the answers of the judge cannot be kept in {file}: {problem}; give another file, or "
            "keep none: --judge.cache off|PATH"
        )
