"""Which settings do the judge backends have that a command line may set?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from balcap.cli.options import Option, options_of_part, summary
from balcap.config import JudgeSettings
from balcap.config.backends import BACKENDS
from balcap.judges.factory import find_backend, given_for

_BACKEND = "judge.backend"


def backend_options(
    options: Mapping[str, Option], text_of: Callable[[str], str | None]
) -> Iterator[Option]:
    """Yield the settings of the backends, for each judge that a command has.

    Those of all built-in ones: a head's judge may be another than that of all heads, whose settings
    it takes where it has none. Of a backend of the user's, where it is selected. Where two have a
    setting of one name, it is the selected one's.

    Args:
        options: those that are known: `judge.backend`, `qa.judge.backend` and so on. The first
            one of the command's own stands for what the others do not say.
        text_of: what such a setting will be.
    """
    of_judges = [o.name for o in options.values() if o.owner is JudgeSettings]
    judges = [name for name in of_judges if name.endswith(".backend")]
    first = next((name for name in judges if name.count(".") == 1), "")
    general = text_of(first) if first else None
    for name in judges:
        prefix = name.removesuffix("backend")
        chosen = [one for one in (text_of(name), general) if one is not None]
        seen: set[str] = set()
        for reference in dict.fromkeys([*chosen, *BACKENDS]):
            backend = find_backend(reference)
            title = f"Judge backend {reference}: {summary(backend.Settings)}"
            what = f"the judge backend {reference!r}"
            for option in options_of_part(what, backend.Settings, prefix):
                if option.name not in seen:
                    seen.add(option.name)
                    group = title if name == first else options[name].group
                    # null, in a file, is "not given"
                    kind = option.kind | None
                    yield replace(option, kind=kind, group=group, owner=JudgeSettings)


def check_judges(settings: Any) -> None:
    """Raise UserError for a setting that a judge's backend does not read.

    Args:
        settings: of a command without heads. Its first judge stands for what the others leave out.
    """
    general = JudgeSettings()
    for item in fields(settings):
        judge = getattr(settings, item.name)
        if isinstance(judge, JudgeSettings):
            merged = given_for(judge, general, item.name)
            general = merged if general == JudgeSettings() else general


def without_unread(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run that goes on, without those that its judges' backends do not read.

    Versions up to 0.1.0 let them stand without a word, and so they are in runs of theirs.

    Args:
        values: by dotted name.
    """
    return {name: value for name, value in values.items() if not _is_unread(name, values)}


def _is_unread(name: str, values: Mapping[str, Any]) -> bool:
    prefix, _, field = name.rpartition(".")
    backend = values.get(f"{prefix}.backend") or values.get(_BACKEND)
    if prefix.rpartition(".")[2] != "judge" or backend is None:
        return False
    known = {item.name for one in BACKENDS for item in fields(find_backend(one).Settings)}
    return field in known - {item.name for item in fields(find_backend(backend).Settings)}
