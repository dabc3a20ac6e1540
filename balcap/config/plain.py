"""What do settings look like in a YAML file?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from balcap.config.judge import JudgeSettings


def plain(settings: Any) -> dict[str, Any]:
    """Return settings as nested dictionaries of plain values, ready for YAML.

    Of whom to ask only what was given is there: all else would be `null`, for each head.
    """
    content: dict[str, Any] = {}
    for item in fields(settings):
        value = getattr(settings, item.name)
        content |= value if item.metadata.get("spread") else {item.name: value}
    if isinstance(settings, JudgeSettings):
        content = {name: value for name, value in content.items() if value is not None}
    nobody = JudgeSettings()
    return {name: _simple(value) for name, value in content.items() if value != nobody}


def _simple(value: Any) -> Any:
    if is_dataclass(value):
        return plain(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _simple(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_simple(item) for item in value]
    return value
