"""The settings of `balcap cache show` and `balcap cache prune`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from balcap.errors import UserError

_SECONDS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}
_BYTES = {"kB": 10**3, "MB": 10**6, "GB": 10**9}


@dataclass(frozen=True, kw_only=True)
class CacheSettings:
    """Which file of judges' answers.

    Attributes:
        cache: the file, and no data then; default: where `--judge.cache` has its default,
            `answers.sqlite` in the folder that the variable BALCAP_CACHE names, else in `balcap` in
            the user's cache folder.
    """

    cache: Path | None = None


@dataclass(frozen=True, kw_only=True)
class PruneSettings(CacheSettings):
    """What is deleted. Whoever asks such a question again pays for it again.

    Attributes:
        older: answers that were written longer ago than this, such as `12h`, `30d`, `8w`, and
            checked data that were not used since.
        larger: the oldest answers, until the file is no larger than this, such as `500MB`, `2GB`.
    """

    older: str | None = None
    larger: str | None = None

    def __post_init__(self) -> None:
        if self.older is None and self.larger is None:
            raise UserError("nothing to delete; say which answers: --older 30d, or --larger 2GB")
        _ = self.seconds, self.bytes

    @property
    def seconds(self) -> float | None:
        """`older`, in seconds."""
        return None if self.older is None else _amount("older", self.older, _SECONDS)

    @property
    def bytes(self) -> float | None:
        """`larger`, in bytes."""
        return None if self.larger is None else _amount("larger", self.larger, _BYTES)


def _amount(name: str, text: str, units: dict[str, int]) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([A-Za-z]+)", text.strip())
    by_name = {unit.casefold(): size for unit, size in units.items()}
    if not found or (size := by_name.get(found[2].casefold())) is None:
        raise UserError(f"{name} is {text!r}; it must be a number and one of {', '.join(units)}")
    return float(found[1]) * size
