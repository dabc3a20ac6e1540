"""What stands in a settings file?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Any

import yaml

from balcap.errors import UserError

# What settings were called when older versions wrote their runs' config.yaml (docs/renames.md).
RENAMED = {"patience": "judge_wait", "tries": "attempts"}


class _Loader(yaml.SafeLoader):
    """YAML, but 1e-6 is a number (PyYAML reads it as text) and a repeated key is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value!r} is set here a second time", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML text. Raises ValueError if it is none."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValueError(f"{getattr(error, 'problem', None) or error}{where}") from error


def read(file: Path) -> dict[str, Any]:
    """Return what a settings file holds, as it stands there.

    Raises:
        UserError: if the file cannot be read, is not YAML, or is not a mapping.
    """
    try:
        content = parse_yaml(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the settings file {file}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"the settings file {file} is not YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise UserError(f"the settings file {file} must hold lines of `name: value`")
    return dict(content)


def by_todays_names(content: Mapping[str, Any], has: Callable[[str], bool]) -> dict[str, Any]:
    """Return settings by the names that they have today.

    Args:
        content: what a settings file holds.
        has: whether the command has a setting of a name. One of today's that is called as another
            once was stays what it is.
    """
    return {
        today if (today := RENAMED.get(name)) and has(today) and not has(name) else name: value
        for name, value in content.items()
    }


def flat(content: Mapping[Any, Any], groups: Set[str], prefix: str = "") -> dict[str, Any]:
    """Return settings with dotted names: `lora: {rank: 4}` becomes {"lora.rank": 4}.

    Only the mappings that are `groups` are taken apart; any other is a value.
    """
    result: dict[str, Any] = {}
    for key, value in content.items():
        name = prefix + str(key).replace("-", "_")
        if name in groups and isinstance(value, Mapping):
            result |= flat(value, groups, f"{name}.")
        elif not (name in groups and value is None):  # a group whose lines are all commented out
            result[name] = value
    return result
