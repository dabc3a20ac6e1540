"""`balcap init DIR`: what does a project with balcap begin with?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import balcap
from balcap.atomic import atomic_write
from balcap.console import say
from balcap.errors import RunError, UserError

SOURCES = {
    "notebooks": ("notebooks", "*.ipynb"),
    "sweeps": ("experiments/sweeps", "*.yaml"),
    "recipes": ("experiments/recipes", "**/*"),
    ".": ("experiments/starter", "*"),
}
"""Folders of the new project, each with that of the checkout and the files in it. `setup.py` puts
these into the wheel, below `balcap/starter/`."""


@dataclass(frozen=True, kw_only=True)
class InitSettings:
    """Where the project begins.

    Attributes:
        dir: its folder, made if it is not there. Files that are there stay as they are.
    """

    dir: Path = field(default=Path("."), metadata={"positional": "DIR"})


def run(settings: InitSettings) -> int:
    """Copy the files that are not there yet, and say which.

    Raises:
        UserError: if `dir` is a file.
        RunError: if something cannot be written.
    """
    if settings.dir.exists() and not settings.dir.is_dir():
        raise UserError(f"dir is {str(settings.dir)!r}, which is a file; name a folder")
    for source, name in starter_files():
        target = settings.dir / name
        if target.exists() or target.is_symlink():
            say(f"kept     {target}")
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(target) as file:
                file.write(source.read_bytes())
        except OSError as error:
            raise RunError(f"cannot write {target}: {error.strerror or error}") from error
        say(f"written  {target}")
    say("next     balcap train --rewards my_head.py:MyHead,fluency --steps 20")
    return 0


def starter_files() -> Iterator[tuple[Path, Path]]:
    """Each file with its name in a new project, from the wheel or the checkout."""
    package = Path(balcap.__file__).parent
    root = package / "starter" if (package / "starter").is_dir() else package.parent
    for folder, (place, pattern) in SOURCES.items():
        for file in sorted((root / place).glob(pattern)):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file, Path(folder) / file.relative_to(root / place)
