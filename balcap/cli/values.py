"""Which value of a given type does a text, or a value of a YAML file, stand for?"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from balcap.cli.files import parse_yaml
from balcap.errors import UserError, did_you_mean


def convert(value: Any, kind: Any, name: str, *, is_text: bool = False) -> Any:
    """Return `value` as an instance of `kind`.

    Args:
        value: text from the command line, or what a YAML file holds.
        kind: str, int, float, bool, Path, Any, Literal[...], tuple[X, ...], list[X], a mapping,
            or a union of them. `null` is None where the union allows it.
        name: the setting, for the error.
        is_text: whether `value` comes from the command line: a mapping is then written as YAML.

    Raises:
        UserError: with the setting, the value, and what is allowed.
    """
    try:
        return _as(parse_yaml(value) if is_text and is_open(kind) else value, kind)
    except ValueError:
        words = [str(word) for word in literals(kind)]
        raise UserError(
            f"{name} is {value!r}; it must be {allowed(kind)}{did_you_mean(str(value), words)}"
        ) from None


def _as(value: Any, kind: Any) -> Any:
    """Return `value` as `kind`; ValueError if it cannot be."""
    if get_origin(kind) in (Union, types.UnionType):
        return _as_one_of(value, get_args(kind))
    if get_origin(kind) is Literal:
        return _as_literal(value, get_args(kind))
    if get_origin(kind) in (tuple, list):
        parts = _split(value) if isinstance(value, str) else value
        if not isinstance(parts, list | tuple):
            raise ValueError(value)
        return get_origin(kind)(_as(part, get_args(kind)[0]) for part in parts)
    if is_open(kind):
        if kind is not Any and not isinstance(value, Mapping):
            raise ValueError(value)
        return value
    return _as_scalar(value, kind)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


def _as_one_of(value: Any, kinds: tuple[Any, ...]) -> Any:
    # "None" is what wandb writes for null.
    if types.NoneType in kinds and value in (None, "null", "None"):
        return None
    for kind in kinds:
        if kind is not types.NoneType:
            with contextlib.suppress(ValueError):
                return _as(value, kind)
    raise ValueError(value)


def _as_literal(value: Any, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if str(value) == str(choice):
            return choice
    raise ValueError(value)


def _as_scalar(value: Any, kind: Any) -> Any:
    if value is None or isinstance(value, list | Mapping):
        raise ValueError(value)
    if kind is bool:
        return ("false", "true").index(str(value).casefold()) == 1
    # bool is a kind of int in Python: `true` for a number is a mistake, not a 1.
    if isinstance(value, bool) or (kind is int and isinstance(value, float)):
        raise ValueError(value)
    return kind(str(value))


def is_open(kind: Any) -> bool:
    """Whether anything of YAML may stand there: Any, a mapping, or a union with one of them."""
    if get_origin(kind) in (Union, types.UnionType):
        return any(is_open(part) for part in get_args(kind))
    origin = get_origin(kind) or kind
    return kind is Any or (isinstance(origin, type) and issubclass(origin, Mapping))


def literals(kind: Any) -> tuple[Any, ...]:
    """The words that `kind` allows, where it is a Literal, or one or nothing."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(word for part in get_args(kind) for word in literals(part))
    return ()


def allowed(kind: Any) -> str:
    """What may be given for `kind`, in words. KeyError for a type that no text stands for."""
    if get_origin(kind) is Literal:
        return f"one of {', '.join(str(word) for word in get_args(kind))}"
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(allowed(part) for part in get_args(kind))
    if get_origin(kind) in (tuple, list):
        return f"a list of which each is {allowed(get_args(kind)[0])}"
    if is_open(kind):
        return "any YAML" if kind is Any else "a mapping"
    return _NAMES[kind]


_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    types.NoneType: "null",
}
