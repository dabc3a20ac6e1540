"""Settings -> a judge. Nothing is connected, loaded or sent before the first question."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache

from balcap.config import JudgeSettings
from balcap.errors import UserError
from balcap.judges.cache import Memory
from balcap.judges.contract import Backend
from balcap.judges.judge import Desk, Judge


def open_judge(settings: JudgeSettings, asker: str) -> Judge:
    """Return a judge for one asker, with an account of its own.

    Those of the same settings share the backend with its limits, and the cache.

    Args:
        settings: with a backend, and with what that backend needs.
        asker: the head or protocol, for errors.

    Raises:
        UserError: if no backend is given, or something that it needs.
    """
    _check(settings, asker)
    unpriced = replace(settings, price_in=None, price_out=None)
    with _lock:  # two threads may open the same one at once
        desk = _desk(unpriced)
    return Judge(desk, settings.price_in or 0.0, settings.price_out or 0.0)


_lock = threading.Lock()


@cache
def _desk(settings: JudgeSettings) -> Desk:
    return Desk(_backend(settings), Memory())


def _backend(settings: JudgeSettings) -> Backend:
    raise NotImplementedError


def _check(settings: JudgeSettings, asker: str) -> None:
    if settings.backend is None:
        raise UserError(
            f"{asker} asks a judge, and none is set; say which: --judge.backend endpoint "
            "--judge.url http://127.0.0.1:8000/v1 --judge.model NAME"
        )
