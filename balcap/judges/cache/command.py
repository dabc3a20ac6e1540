"""`balcap cache show` and `balcap cache prune`: how large is the file of answers, and what goes?"""

from __future__ import annotations

import sqlite3
import time
from datetime import datetime
from pathlib import Path

from balcap.config import JudgeSettings
from balcap.config.cache import CacheSettings, PruneSettings
from balcap.console import say, table
from balcap.errors import RunError, UserError
from balcap.judges.cache.file import BrokenFileError
from balcap.judges.cache.location import cache_file
from balcap.judges.cache.pruning import PrunableFile, Share
from balcap.judges.cache.size import bytes_of, in_megabytes


def show(settings: CacheSettings) -> int:
    """Print the file's size and whose answers it holds; returns the exit code.

    Raises:
        UserError: if there is no such file, or it is none of answers.
    """
    path = _path(settings)
    file = _opened(path, read_only=True)
    shares = file.shares()
    file.close()
    answers = sum(share.answers for share in shares)
    say(f"{path}: {_size(path)}, {answers:,} answers\n")
    if shares:
        say(table([_row(share) for share in shares]))
    return 0


def prune(settings: PruneSettings) -> int:
    """Delete answers and shrink the file; returns the exit code.

    Raises:
        UserError: if there is no such file, or it is none of answers.
        RunError: if another process keeps it busy; what was deleted until then is gone.
    """
    path = _path(settings)
    before = _size(path)
    file = _opened(path, read_only=False)
    deleted = 0
    try:
        if settings.seconds is not None:
            deleted += file.delete_older(time.time() - settings.seconds)
        if settings.bytes is not None:
            deleted += file.delete_oldest(settings.bytes)
        file.shrink()
    except sqlite3.OperationalError as error:
        raise RunError(
            f"{deleted:,} answers are deleted, and {path} could not be shrunk ({error}); another "
            "process uses it: give the same command again once that has ended"
        ) from error
    finally:
        file.close()
    say(f"{path}: {deleted:,} answers deleted; {before} before, {_size(path)} now")
    return 0


def _path(settings: CacheSettings) -> Path:
    path = cache_file(JudgeSettings(cache=settings.cache))
    if path is None or not path.is_file():
        raise UserError(f"no answers of judges in {path}: there is no such file; give it: --cache")
    return path


def _opened(path: Path, *, read_only: bool) -> PrunableFile:
    try:
        return PrunableFile(path, read_only=read_only)
    except (BrokenFileError, sqlite3.Error) as error:
        raise UserError(f"{path} is no file of judges' answers: {error}") from error


def _row(share: Share) -> dict[str, str]:
    return {
        "judge": str(share.judge.get("model")),
        "answers": f"{share.answers:,}",
        "bytes each": f"{share.bytes / max(1, share.answers):,.0f}",
        "first": _day(share.first),
        "last": _day(share.last),
    }


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d")


def _size(path: Path) -> str:
    return in_megabytes(bytes_of(path))
