"""Which class is meant by `qa`, by `package.module:Class`, by `path/to/file.py:Class`?"""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from balcap.errors import UserError, did_you_mean
from balcap.heads.base import Head
from balcap.importing import module_of

GROUP = "balcap.rewards"

HeadClass = type[Head[Any]]


@cache
def installed() -> dict[str, str]:
    """Names of the heads of all installed packages, each with its `package.module:Class`.

    Where two packages offer the same name, both are given, joined with " and "; `find` refuses it.
    """
    places: dict[str, set[str]] = {}
    for point in entry_points(group=GROUP):
        places.setdefault(point.name, set()).add(point.value)
    return {name: " and ".join(sorted(places[name])) for name in sorted(places)}


RESERVED = frozenset(
    {
        "step", "sample", "group", "caption", "tokens", "words", "ratio", "in_band", "advantage",
        "harmonic_mean", "gate_rate", "captions", "scored",
        "object_precision", "object_recall", "fact_precision", "fact_recall",
    }
)  # fmt: skip
"""Names of a run's own columns and scores, which a head's would overwrite."""


def find(reference: str) -> HeadClass:
    """Return the class of a head.

    Args:
        reference: the name of an installed head, `package.module:Class`, or `file.py:Class`.

    Raises:
        UserError: if there is no such head, file or class, if importing it fails, or if the class
            breaks the contract of `Head`.
    """
    place = reference if ":" in reference else _place(reference)
    source, _, name = place.rpartition(":")
    return _checked(module_of(source, f"the reward head {reference!r}"), source, name)


def _place(name: str) -> str:
    known = installed()
    if name not in known:
        raise UserError(
            f"no reward head {name!r}; have {', '.join(known) or 'none'}"
            f"{did_you_mean(name, known)}; or give package.module:Class or path.py:Class"
        )
    if " and " in known[name]:
        raise UserError(
            f"two packages offer a reward head {name!r}: {known[name]}; give package.module:Class"
        )
    return known[name]


def _checked(module: ModuleType, source: str, name: str) -> HeadClass:
    found = getattr(module, name, None)
    if found is None:
        heads = [key for key, value in vars(module).items() if _is_head(value)]
        raise UserError(
            f"no class {name!r} in {source}; its heads are {', '.join(heads) or '(none)'}"
            f"{did_you_mean(name, heads)}"
        )
    if not _is_head(found):
        raise UserError(
            f"{name} in {source} is not a reward head; derive it from balcap.heads.Head"
        )
    head: HeadClass = found
    if head.__abstractmethods__:
        missing = ", ".join(sorted(head.__abstractmethods__))
        raise UserError(f"the reward head {name} in {source} does not define {missing}")
    called = getattr(head, "name", None)
    if not isinstance(called, str) or not re.fullmatch(r"[A-Za-z]\w*", called):
        raise UserError(
            f"the reward head {name} in {source} has the name {called!r}; "
            "write one of letters, digits and _, such as name = 'colours'"
        )
    if called in RESERVED:
        raise UserError(
            f"the reward head {name} in {source} has the name {called!r}, which a run uses for "
            "something else; rename it"
        )
    if not is_dataclass(head.Config):
        raise UserError(f"Config of the reward head {name} in {source} is not a data class")
    return head


def _is_head(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Head) and value is not Head
