"""Settings -> a judge. Nothing is connected, loaded or sent before the first question."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Collection
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from balcap.config import JudgeSettings
from balcap.config.backends import BACKEND_KIND
from balcap.errors import UserError, did_you_mean
from balcap.judges.cache.answers import Memory, open_cache
from balcap.judges.cache.location import cache_file
from balcap.judges.judge import Judge, SharedBackend
from balcap.judges.types import Backend, own_settings
from balcap.plugins import find_class


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
    if not shared.backend.records:  # what was recorded was paid for then
        return Judge(shared, redraws=redraws)
    return Judge(shared, settings.price_in or 0.0, settings.price_out or 0.0, redraws)


def forget() -> None:
    """Let go of every shared backend and of what was remembered, as a new process would begin."""
    with _lock:
        _shared_backend.cache_clear()


_lock = threading.Lock()


@cache
def _shared_backend(settings: JudgeSettings) -> SharedBackend:
    """Imported only where it is asked for."""
    backend: Backend = find_backend(settings.backend or "").of(settings)
    file = cache_file(settings) if backend.records else None
    return SharedBackend(backend, Memory() if file is None else open_cache(file))


def find_backend(reference: str) -> type[Backend]:
    """The class of a backend: built in, installed, `package.module:Class` or `path.py:Class`.

    Raises:
        UserError: if there is none, or it breaks the contract of `Backend`.
    """
    found = find_class(BACKEND_KIND, reference, Backend, named=False)  # type: ignore[type-abstract]
    _check_settings(f"the judge backend {reference!r}", found.Settings)
    return found


def _check_settings(what: str, kind: type) -> None:
    if not is_dataclass(kind):
        raise UserError(f"{what}: its Settings is {kind!r}; make it a frozen data class")
    shared = {item.name for item in fields(JudgeSettings)}
    for item in fields(kind):
        if item.name in shared:
            raise UserError(f"{what} has a setting {item.name!r}, as every judge has; rename it")
        if item.default is MISSING and item.default_factory is MISSING:
            raise UserError(f"{what} has a setting {item.name!r} without a default; give it one")


def given_for(own: JudgeSettings, general: JudgeSettings, where: str) -> JudgeSettings:
    """Whom a head asks: its own settings over those of all heads, whose backend may be another.

    Args:
        own: of the head.
        general: of all heads. What it holds for a backend that the head does not ask is left out,
            also where the head's has a setting of that name, but of another type.
        where: `judge` or `HEAD.judge`, for errors.

    Raises:
        UserError: for a setting of its own that its backend does not read, or a value that is not
            allowed.
    """
    backend = own.backend or general.backend
    reads, meant = _read_by(backend), _read_by(general.backend)
    for name in own.own:
        if name not in reads:
            raise _not_read(f"{where}.{name}", name, backend, reads)
    alike = {n: v for n, v in general.own.items() if n in reads and reads[n] == meant.get(n)}
    merged = own.over(replace(general, own=alike))
    try:
        for kind in _kinds_of(backend):
            own_settings(kind, merged)
    except UserError as error:
        raise UserError(re.sub(r"^judge\.", f"{where}.", str(error))) from error
    return merged


def _kinds_of(backend: str | None) -> list[type]:
    """The settings class of a backend; of all built-in ones where none is selected."""
    references = BACKEND_KIND.builtin if backend is None else (backend,)
    return [find_backend(reference).Settings for reference in references]


def _read_by(backend: str | None) -> dict[str, Any]:
    """The settings of a backend, each with its type."""
    return {
        item.name: get_type_hints(kind)[item.name]
        for kind in _kinds_of(backend)
        for item in fields(kind)
    }


def _not_read(shown: str, name: str, backend: str | None, reads: Collection[str]) -> UserError:
    readers = [known for known in BACKEND_KIND.builtin if name in _read_by(known)]
    hint = f"; {' and '.join(readers)} would" if readers else did_you_mean(name, reads)
    return UserError(
        f"{shown} is set, and the judge backend {backend!r} does not read it; it has "
        f"{', '.join(sorted(reads)) or 'no settings of its own'}{hint}"
    )


def _check(settings: JudgeSettings, asker: str) -> None:
    if settings.backend is None:
        raise UserError(
            f"{asker} asks a judge, and none is set; say which: --judge.backend endpoint "
            "--judge.url http://127.0.0.1:8000/v1 --judge.model NAME"
        )
    given_for(settings, JudgeSettings(), "judge")
    backend = find_backend(settings.backend)
    backend.check(settings, asker)
    if backend.records:
        _check_writable(cache_file(settings))


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
