"""`balcap cache show` and `balcap cache prune`: what is kept of judges and data, and what goes?"""

from __future__ import annotations

import time
from datetime import datetime

from balcap.config import JudgeSettings
from balcap.config.cache import CacheSettings, PruneSettings
from balcap.console import say, table
from balcap.data.kept.listing import KeptData, kept_data
from balcap.judges.cache import command as answers
from balcap.judges.cache.location import cache_file
from balcap.judges.cache.size import in_megabytes


def show(settings: CacheSettings) -> int:
    """Print how large the file of answers is and whose answers it holds, and which data are kept;
    returns the exit code.

    Raises:
        UserError: if nothing is kept, or the file is none of answers.
    """
    kept = _kept(settings)
    if not kept or _has_answers(settings):
        answers.show(settings)
    if kept:
        size = in_megabytes(sum(each.bytes for each in kept))
        say(f"\n{kept[0].folder.parent}: {size}, {len(kept)} checked data sets\n")
        say(table([_row(each) for each in kept]))
    return 0


def prune(settings: PruneSettings) -> int:
    """Delete answers, and data that were not used for long; returns the exit code.

    Raises:
        UserError: if nothing is kept, or the file is none of answers.
        RunError: if another process keeps the file busy; what was deleted until then is gone.
    """
    kept = _kept(settings)
    if not kept or _has_answers(settings):
        answers.prune(settings)
    if settings.seconds is not None:
        old = [each for each in kept if each.used < time.time() - settings.seconds]
        for each in old:
            each.delete()
        size = in_megabytes(sum(each.bytes for each in old))
        say(f"{len(old)} of {len(kept)} checked data sets deleted, {size}")
    return 0


def _kept(settings: CacheSettings) -> list[KeptData]:
    """The data that are kept; none where the user asks of one file of answers."""
    return kept_data() if settings.cache is None else []


def _has_answers(settings: CacheSettings) -> bool:
    path = cache_file(JudgeSettings(cache=settings.cache))
    return path is not None and path.is_file()


def _row(each: KeptData) -> dict[str, str]:
    return {
        "data": each.path,
        "samples": f"{each.samples:,}",
        "size": in_megabytes(each.bytes),
        "last used": datetime.fromtimestamp(each.used).strftime("%Y-%m-%d"),
    }
