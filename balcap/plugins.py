"""Which class is meant by `gdpo`, by `package.module:Class`, by `path/to/file.py:Class`?

Reward heads, normalisers and gates are all found in this way: built in, offered by an installed
package under an entry point, or named by where they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeVar

from balcap.errors import UserError, did_you_mean
from balcap.importing import module_of

T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """What can be plugged in.

    Attributes:
        noun: for errors: `reward head`.
        group: of the entry points by which packages offer some.
        base: what a class must be derived from, as it is imported.
        builtin: those of balcap, `package.module:Class` by name.
        aliases: other names of them.
        reserved: names that a class must not have.
    """

    noun: str
    group: str
    base: str
    builtin: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    reserved: frozenset[str] = frozenset()

    def offered(self) -> dict[str, str]:
        """Every name with its `package.module:Class`; built in first, then installed.

        Where several offer the same name, all are given, joined with " and "; `place_of` refuses.
        """
        return {**self.builtin, **_installed(self.group)}


@cache
def _installed(group: str) -> dict[str, str]:
    places: dict[str, set[str]] = {}
    for point in entry_points(group=group):
        places.setdefault(point.name, set()).add(point.value)
    return {name: " and ".join(sorted(places[name])) for name in sorted(places)}


def place_of(kind: Kind, reference: str) -> str:
    """Return `package.module:Class` or `file.py:Class` for a name; a place is returned as it is.

    Raises:
        UserError: for a name that nobody, or more than one package, offers.
    """
    if ":" in reference:
        return reference
    known = kind.offered()
    name = kind.aliases.get(reference, reference)
    if name not in known:
        names = [*known, *kind.aliases]
        raise UserError(
            f"no {kind.noun} {reference!r}; have {', '.join(names) or 'none'}"
            f"{did_you_mean(reference, names)}; or give package.module:Class or path.py:Class"
        )
    if " and " in known[name] or (name in kind.builtin and known[name] != kind.builtin[name]):
        offers = " and ".join(dict.fromkeys([kind.builtin.get(name, known[name]), known[name]]))
        raise UserError(
            f"two packages offer a {kind.noun} {name!r}: {offers}; give package.module:Class"
        )
    return known[name]


def find_class(kind: Kind, reference: str, base: type[T], *, named: bool = True) -> type[T]:
    """Return the class that a reference names.

    Args:
        kind: what is looked for.
        reference: an offered name, `package.module:Class`, or `file.py:Class`.
        base: what it must be derived from.
        named: whether it must have a `name` that can be that of settings.

    Raises:
        UserError: if there is no such name, file or class, if importing it fails, or if the class
            is not finished or has a name that cannot be used.
    """
    source, _, name = place_of(kind, reference).rpartition(":")
    module = module_of(source, f"the {kind.noun} {reference!r}")
    found = getattr(module, name, None)
    if found is None:
        have = [key for key, value in vars(module).items() if _is_a(value, base)]
        raise UserError(
            f"no class {name!r} in {source}; its {kind.noun.split()[-1]}s are "
            f"{', '.join(have) or '(none)'}{did_you_mean(name, have)}"
        )
    return checked_class(kind, f"{name} in {source}", found, base, named=named)


def checked_class(
    kind: Kind, called: str, found: Any, base: type[T], *, named: bool = True
) -> type[T]:
    """Return what was found or handed in, if it can be plugged in; else raise UserError.

    Args:
        kind: what it should be.
        called: how it is called in errors, such as `Words in my_heads.py`.
        found: the class.
        base, named: as in `find_class`.
    """
    if not _is_a(found, base):
        raise UserError(f"{called} is not a {kind.noun}; derive it from {kind.base}")
    what = f"the {kind.noun} {called}"
    _check_whole(what, found)
    if named:
        _check_name(what, getattr(found, "name", None), kind.reserved)
    cls: type[T] = found
    return cls


def _is_a(value: Any, base: type) -> bool:
    return isinstance(value, type) and issubclass(value, base) and value is not base


def _check_whole(what: str, found: Any) -> None:
    missing: Iterable[str] = getattr(found, "__abstractmethods__", ())
    if missing:
        raise UserError(f"{what} does not define {', '.join(sorted(missing))}")


def _check_name(what: str, called: Any, reserved: frozenset[str]) -> None:
    if not isinstance(called, str) or not re.fullmatch(r"[A-Za-z]\w*", called):
        raise UserError(
            f"{what} has the name {called!r}; "
            "write one of letters, digits and _, such as name = 'colours'"
        )
    if called in reserved:
        raise UserError(
            f"{what} has the name {called!r}, which a run uses for something else; rename it"
        )


def configured(cls: type[T], settings: Mapping[str, Any]) -> T:
    """Make an instance of a data class with settings given by name.

    Raises:
        UserError: for a setting that it does not have, naming those it has, or a bad value.
    """
    called = getattr(cls, "name", cls.__name__)
    known = [item.name for item in fields(cls)]  # type: ignore[arg-type]
    for name in settings:
        if name not in known:
            raise UserError(
                f"{called!r} has no setting {name!r}; it has {', '.join(known) or 'none'}"
                f"{did_you_mean(name, known)}"
            )
    try:
        return cls(**settings)
    except (UserError, ValueError, TypeError) as error:
        raise UserError(f"{called}: {error}") from error
