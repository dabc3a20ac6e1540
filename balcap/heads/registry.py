"""Which class is meant by `qa`, by `package.module:Class`, by `path/to/file.py:Class`?"""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

from balcap.errors import UserError
from balcap.heads.base import Head
from balcap.plugins import Kind, checked_class, find_class

HeadClass = type[Head[Any]]

RESERVED = frozenset(
    {
        "step", "sample", "group", "caption", "tokens", "words", "ratio", "in_band", "advantage",
        "harmonic_mean", "gate_rate", "captions", "scored",
        "object_precision", "object_recall", "fact_precision", "fact_recall", "fact_f1",
    }
)  # fmt: skip
"""Names of a run's own columns and scores, which a head's would overwrite."""

HEAD_KIND = Kind("reward head", "balcap.rewards", "balcap.heads.Head", reserved=RESERVED)


def installed() -> dict[str, str]:
    """Names of the heads of all installed packages, each with its `package.module:Class`."""
    return HEAD_KIND.offered()


_HANDED_IN: dict[str, HeadClass] = {}


def hand_in(head: HeadClass) -> str:
    """Let a class be found in this process, wherever it was defined; returns its reference.

    Raises:
        UserError: if it breaks the contract of `Head`.
    """
    called = getattr(head, "__qualname__", repr(head))
    reference = f"{getattr(head, '__module__', '')}:{called}"
    checked: HeadClass = checked_class(HEAD_KIND, called, head, Head)  # type: ignore[type-abstract]
    _HANDED_IN[reference] = _with_settings(checked)
    return reference


def find(reference: str) -> HeadClass:
    """Return the class of a head.

    Args:
        reference: the name of an installed head, `package.module:Class`, or `file.py:Class`.

    Raises:
        UserError: if there is no such head, file or class, if importing it fails, or if the class
            breaks the contract of `Head`.
    """
    if reference in _HANDED_IN:
        return _HANDED_IN[reference]
    if reference.startswith("__main__:") or "<locals>" in reference:
        raise UserError(
            f"the reward head {reference!r} was handed to balcap.train as a class of a notebook or "
            "script; hand it in again: balcap.train(resume=RUN, rewards=[CLASS])"
        )
    return _with_settings(find_class(HEAD_KIND, reference, Head))  # type: ignore[type-abstract]


def _with_settings(head: HeadClass) -> HeadClass:
    if not is_dataclass(head.Config):
        raise UserError(f"Config of the reward head {head.__name__} is not a data class")
    return head
