"""Which normaliser and gate does a command line select, with which settings and weights?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from balcap.advantage.gates import find_gate
from balcap.advantage.normalizers import find_normalizer
from balcap.config.methods import GATE_KIND, NORMALIZER_KIND
from balcap.errors import UserError
from balcap.heads.selection import weights_from_text

KINDS = {"normalizer": NORMALIZER_KIND, "gate": GATE_KIND}
_FIND = {"normalizer": find_normalizer, "gate": find_gate}


def selected(setting: str, reference: str | None) -> Iterator[type]:
    """The class that a setting names; all built-in ones where it may be any (`balcap replay`)."""
    names = KINDS[setting].builtin if reference is None else (reference,)
    for name in names:
        yield _FIND[setting](name)


def take_methods(values: dict[str, Any], names: set[str]) -> dict[str, dict[str, Any]]:
    """Take `gd2po.tau` out of flat values, as {"gd2po": {"tau": ...}}."""
    taken: dict[str, dict[str, Any]] = {}
    for key in [key for key in values if key.partition(".")[0] in names]:
        method, _, field = key.partition(".")
        taken.setdefault(method, {})[field] = values.pop(key)
    return taken


def take_weights(values: dict[str, Any]) -> dict[str, float]:
    """Take `weights.cov` out of flat values, as {"cov": ...}."""
    keys = [key for key in values if key.startswith("weights.")]
    return {key.removeprefix("weights."): values.pop(key) for key in keys}


def spelled_out(content: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in which the form `weights: qa=1,cov=0.5` is a mapping, as `weights.qa` is."""
    text = content.get("weights")
    if not isinstance(text, str):
        return dict(content)
    rest = {name: value for name, value in content.items() if name != "weights"}
    return {f"weights.{head}": value for head, value in weights_from_text(text).items()} | rest


def not_selected(shown: str, name: str) -> UserError | None:
    """The error for a setting of a normaliser or gate that is not selected, if it is one."""
    method = name.partition(".")[0]
    for setting, kind in KINDS.items():
        if "." in name and method in kind.offered():
            return UserError(
                f"{shown} is for the {kind.noun} {method!r}, which is not selected; "
                f"add --{setting} {method}"
            )
    return None


def without_replaced(content: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """What a file sets, without the settings of the normaliser or gate that the same file selects
    and a later one, or an option, replaced."""
    chosen = {str(content.get(setting)) for setting in KINDS} - names
    return {name: value for name, value in content.items() if name not in chosen}
