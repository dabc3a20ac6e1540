"""Where is kept what would be computed again, or paid for again?"""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder that the variable BALCAP_CACHE names; else `balcap` in the user's cache folder,
    which XDG_CACHE_HOME names, or is `~/.cache`."""
    general = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("BALCAP_CACHE") or f"{general}/balcap").expanduser()
