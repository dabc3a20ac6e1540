"""Which settings does a data class have, and what is said of each?"""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from typing import Any, cast, get_args, get_origin, get_type_hints

from balcap.cli.values import allowed
from balcap.config import JudgeSettings
from balcap.config.checks import NOT_GIVEN
from balcap.errors import UserError


@dataclass(frozen=True)
class Option:
    """One setting, as the command line and the files know it.

    Attributes:
        name: with its groups: `lora.rank`.
        kind: its type.
        help: what its class's docstring says of it, and its default.
        group: first line of the docstring of the class that defines it.
        owner: the class that defines it.
        positional: what stands for it in the help, where it is given without a name.
        adds_up: whether a list that is given again grows; else the last one wins.
    """

    name: str
    kind: Any
    help: str
    group: str
    owner: type
    positional: str | None = None
    adds_up: bool = False

    @property
    def flag(self) -> str:
        """How it is written on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def is_switch(self) -> bool:
        """Whether its name alone means true."""
        return self.kind is bool or bool in get_args(self.kind)

    @property
    def is_list(self) -> bool:
        """Whether it may hold more than one value."""
        return get_origin(self.kind) in (list, tuple)


def options_of(settings: type, prefix: str = "", start: Any = None) -> Iterator[Option]:
    """Yield the settings of a data class, then those of the data classes inside it.

    Args:
        settings: the data class.
        prefix: of every name, such as `lora.`.
        start: the instance that stands for "nothing given", where it is not the class's own.
    """
    kinds = get_type_hints(settings)
    docs = _docs(settings)
    inner: list[tuple[type, str, Any]] = []
    for item in fields(settings):
        if item.metadata.get("spread"):  # its entries stand beside it, under their own names
            continue
        name, kind = prefix + item.name, kinds[item.name]
        value = _default(item) if start is None else getattr(start, item.name)
        if is_dataclass(kind):
            inner.append((cast(type, kind), f"{name}.", value))
            continue
        text = docs.get(item.name, "") + _shown(value, item.name, settings)
        owner = _owner(settings, item.name)
        place, adds_up = item.metadata.get("positional"), bool(item.metadata.get("adds_up"))
        yield Option(name, kind, text, summary(owner), owner, place, adds_up)
    for kind, below, value in inner:
        yield from options_of(kind, below, value)


def options_of_part(what: str, settings: type, prefix: str) -> list[Option]:
    """The settings of a head, method or backend, which may be somebody else's.

    Args:
        what: whose they are, for the error.
        settings: the data class.
        prefix: of every name.

    Raises:
        UserError: for a setting of a type that no text stands for.
    """
    try:
        options = list(options_of(settings, prefix))
        for option in options:
            allowed(option.kind)
    except (KeyError, NameError) as error:
        raise UserError(
            f"{what} has a setting of unknown type ({error}); "
            "use str, int, float, bool, Path, Literal, a list of these, or a data class"
        ) from error
    return options


def build(settings: type, values: Mapping[str, Any], prefix: str = "", start: Any = None) -> Any:
    """Make an instance of a settings class out of dotted names; what is not given is default."""
    kinds = get_type_hints(settings)
    given = {}
    for item in fields(settings):
        name, kind = prefix + item.name, kinds[item.name]
        if item.metadata.get("rest"):
            given[item.name] = _rest(settings, values, prefix)
        elif is_dataclass(kind):
            below = _default(item) if start is None else getattr(start, item.name)
            given[item.name] = _build_inner(cast(type, kind), values, name, below)
        elif name in values:
            given[item.name] = values[name]
    return settings(**given) if start is None else replace(start, **given)


def _rest(settings: type, values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """What stands beside the fields of a class under its prefix, and is none of them."""
    inside = {name.removeprefix(prefix): v for name, v in values.items() if name.startswith(prefix)}
    return {name: v for name, v in inside.items() if name not in {f.name for f in fields(settings)}}


def _build_inner(settings: type, values: Mapping[str, Any], name: str, start: Any) -> Any:
    """Make a group; its errors, which begin with the group's own name, get the whole one. A judge
    calls itself `judge`, whatever it is here: a `writer`, say."""
    own = "judge" if settings is JudgeSettings else name.rpartition(".")[2]
    try:
        return build(settings, values, f"{name}.", start)
    except UserError as error:
        if name != own and str(error).startswith(f"{own}."):
            raise UserError(f"{name}{str(error).removeprefix(own)}") from error
        raise


def groups_of(names: Collection[str]) -> set[str]:
    """Return every group of some dotted names: `qa.judge.model` has `qa` and `qa.judge`."""
    return {name[: dot.start()] for name in names for dot in re.finditer(r"\.", name)}


def summary(documented: object) -> str:
    """First line of a docstring, without the full stop; empty where there is none."""
    return inspect.cleandoc(documented.__doc__ or "").partition("\n")[0].rstrip(".")


def _owner(settings: type, name: str) -> type:
    owners = [cls for cls in settings.__mro__ if name in inspect.get_annotations(cls)]
    return owners[0]


def _docs(settings: type) -> dict[str, str]:
    """What the `Attributes:` sections of a class and its bases say of each field."""
    found: dict[str, str] = {}
    for cls in reversed(settings.__mro__):
        section = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")[2]
        for entry in re.finditer(r"^    (\w+): (.*(?:\n     .*)*)", section, re.MULTILINE):
            found[entry[1]] = " ".join(entry[2].split()).rstrip(".")
    return found


def _default(item: Field[Any]) -> Any:
    """The default of a field; None where it has none."""
    if item.default_factory is not MISSING:
        return item.default_factory()
    return None if item.default is MISSING else item.default


def _shown(value: Any, name: str, settings: type) -> str:
    """How a default looks in the help. Off and empty are not worth a word."""
    presets = getattr(settings, "presets", {})
    by_policy = {size: getattr(preset, name, None) for size, preset in presets.items()}
    if value is None and by_policy and None not in by_policy.values():
        if len(set(by_policy.values())) == 1:
            return f" (default: {next(iter(by_policy.values()))})"
        return f" (default: {', '.join(f'{size} {one:g}' for size, one in by_policy.items())})"
    if isinstance(value, tuple | list):
        value = ",".join(str(part) for part in value)
    if value is None or value is False or value is NOT_GIVEN or value in ("", {}):
        return ""
    return f" (default: {'true' if value is True else value})"
