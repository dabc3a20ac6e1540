"""Is a setting's value allowed? A check raises UserError with name, value and bounds."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Final

from balcap.errors import UserError, did_you_mean

NOT_GIVEN: Final = Path()
"""Stands for a file or folder that has no default; known by its identity, as `.` may be meant."""


def must_be_given(path: Path, message: str) -> None:
    """Raise UserError with that message if nothing was given."""
    if path is NOT_GIVEN:
        raise UserError(message)


def at_least(name: str, value: float, low: float) -> None:
    """Raise UserError unless `value` >= `low` (NaN fails too)."""
    if not value >= low:
        raise UserError(f"{name} is {value}; it must be at least {low:g}")


def above(name: str, value: float, low: float) -> None:
    """Raise UserError unless `value` > `low` and finite."""
    if not (value > low and math.isfinite(value)):
        raise UserError(f"{name} is {value}; it must be a number above {low:g}")


def within(name: str, value: float, low: float, high: float) -> None:
    """Raise UserError unless `low` <= `value` <= `high` (NaN fails too)."""
    if not low <= value <= high:
        raise UserError(f"{name} is {value}; it must be between {low:g} and {high:g}")


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise UserError, with the nearest name, unless `value` is allowed."""
    if value not in allowed:
        raise UserError(
            f"no {name} {value!r}; have {', '.join(allowed)}{did_you_mean(value, allowed)}"
        )


def counts(settings: object, *names: str) -> None:
    """Raise UserError unless each named field is None or at least 1."""
    for name in names:
        value = getattr(settings, name)
        if value is not None:
            at_least(name, value, 1)


def names_a_variable(text: str) -> bool:
    """Whether a text is the name of an environment variable, and not a key that was pasted."""
    return re.fullmatch(r"[A-Za-z_]\w{0,63}", text) is not None and not _KEY.fullmatch(text)


# what keys of the well-known services begin with, where it could also be a variable's name
_KEY = re.compile(r"(sk|hf|gsk|pk|rk|xai)_[A-Za-z0-9_]{16,}|AIza\w{16,}")
