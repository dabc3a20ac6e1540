"""Which runs lie here, and what stands in their small files?"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from balcap.errors import UserError
from balcap.runs.folder import RunFolder

AnyPath: TypeAlias = str | os.PathLike[str]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where it was built in


def find_runs(paths: AnyPath | Iterable[AnyPath]) -> list[Path]:
    """Folders of runs, sorted by path within each of `paths`, each once.

    Args:
        paths: folders of runs, or folders that hold runs at any depth.

    Raises:
        UserError: if one of the paths is no folder. One without runs is no error: its first run
            may be about to start.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found: dict[Path, None] = {}
    for path in map(Path, given):
        if not path.is_dir():
            raise UserError(
                f"no folder {str(path)!r} to read runs from; give a run, or a folder of runs"
            )
        found |= dict.fromkeys(_runs_below(path))
    return list(found)


def a_run(path: AnyPath) -> RunFolder:
    """The run of that folder. Raises UserError if it is none."""
    folder = RunFolder(Path(path))
    if not folder.exists():
        raise UserError(f"no run in {str(path)!r}: there is no {folder.config}")
    return folder


def config_of(run: RunFolder) -> dict[str, Any]:
    """The resolved settings of a run, as nested mappings; empty if they cannot be read."""
    try:
        content = yaml.load(run.config.read_text(encoding="utf-8"), _LOADER)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def json_of(path: Path) -> dict[str, Any]:
    """A JSON file of a run; empty if it is not there, or not whole."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings with dotted names: {"lora": {"rank": 4}} is {"lora.rank": 4}.

    A list becomes text with commas, so that a column of it can be grouped by.
    """
    result: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            result[f"{prefix}{key}"] = ",".join(map(str, value))
        else:
            result[f"{prefix}{key}"] = value
    return result


def _runs_below(top: Path) -> Iterator[Path]:
    """Runs at and below a folder. What lies inside a run is not searched."""
    for path, folders, files in os.walk(top):
        # wandb keeps a config.yaml of its own in each of its folders
        folders[:] = sorted(f for f in folders if f != "wandb" and not f.startswith("."))
        if "config.yaml" in files and _is_of_balcap(Path(path, "config.yaml")):
            folders.clear()
            yield Path(path)


def _is_of_balcap(config: Path) -> bool:
    """Whether the file holds a run's settings; read as text, because YAML takes its time."""
    try:
        lines = config.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return False
    return any(line.startswith("policy:") for line in lines)
