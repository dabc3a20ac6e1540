"""Where are answers kept?"""

from __future__ import annotations

import os
from pathlib import Path

from balcap.config import JudgeSettings


def cache_file(settings: JudgeSettings) -> Path | None:
    """Where answers are kept; None for nowhere."""
    if settings.cache == Path("off"):
        return None
    if settings.cache is not None:
        return settings.cache.expanduser()
    general = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = os.environ.get("BALCAP_CACHE") or f"{general}/balcap"
    return Path(folder).expanduser() / "answers.sqlite"
