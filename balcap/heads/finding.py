"""Which class is meant by `qa`, by `package.module:Class`, by `path/to/file.py:Class`?"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from dataclasses import is_dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from balcap.errors import UserError, did_you_mean
from balcap.heads.contract import Head

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
    module = _from_file(source) if source.endswith(".py") else _from_package(source, reference)
    return _checked(module, source, name)


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


@cache
def _from_file(source: str) -> ModuleType:
    file = Path(source)
    if not file.is_file():
        raise UserError(f"no file {source!r} to take a reward head from (looked in {Path.cwd()})")
    # The name is made of the whole path: two files called reward.py must not meet in sys.modules.
    name = "balcap_head_" + re.sub(r"\W", "_", str(file.resolve()))
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # data classes look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UserError(f"importing {source} failed: {_short(error)}") from error
    return module


def _from_package(source: str, reference: str) -> ModuleType:
    try:
        return importlib.import_module(source)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{source}.".startswith(f"{error.name}."):
            raise _import_failed(source, reference, error) from error
        raise UserError(
            f"no module {error.name!r} to take the reward head {reference!r} from; install its "
            "package, or give the file: path.py:Class"
        ) from error
    except Exception as error:
        raise _import_failed(source, reference, error) from error


def _import_failed(source: str, reference: str, error: Exception) -> UserError:
    return UserError(
        f"importing {source} for the reward head {reference!r} failed: {_short(error)}"
    )


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


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
