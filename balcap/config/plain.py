"""What do settings look like in a YAML file?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any


def plain(settings: Any) -> dict[str, Any]:
    """Return settings as nested dictionaries of plain values, ready for YAML."""
    return {name: _simple(value) for name, value in asdict(settings).items()}


def _simple(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _simple(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_simple(item) for item in value]
    return value
