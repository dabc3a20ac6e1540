"""Which lints does Harper find in a text? An offline grammar checker for English, in this process.

A linter may be in one call only and takes up to 60 ms to make and warm up, so idle ones wait in a
list; `list.pop` and `append` are safe between threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

from balcap.cores import cores

if TYPE_CHECKING:
    from harper import Linter

KINDS = (
    "Agreement", "BoundaryError", "Capitalization", "Eggcorn", "Enhancement", "Formatting",
    "Grammar", "Malapropism", "Miscellaneous", "Nonstandard", "Punctuation", "Readability",
    "Redundancy", "Regionalism", "Repetition", "Spelling", "Style", "Typo", "Usage", "WordChoice",
)  # fmt: skip


def lint_all(texts: Sequence[str], *, spelling: bool) -> list[tuple[str, ...] | None]:
    """`lint_kinds` of each text, on all cores: Harper lets other threads work meanwhile."""
    return list(_threads().map(partial(lint_kinds, spelling=spelling), texts))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="harper")


@lru_cache(maxsize=16384)
def lint_kinds(text: str, *, spelling: bool) -> tuple[str, ...] | None:
    """Kind of each lint that Harper finds; None for a text that is hardly English.

    Args:
        text: plain text.
        spelling: whether unknown words are lints.
    """
    with _linter(spelling) as linter:
        if not linter.is_likely_english(text):
            return None
        return tuple(lint.lint_kind for lint in linter.lint(text, language="plaintext"))


@lru_cache(maxsize=16384)
def is_english(text: str) -> bool:
    """Whether Harper takes a text for English."""
    with _linter(spelling=False) as linter:
        return bool(linter.is_likely_english(text))


@contextmanager
def _linter(spelling: bool) -> Iterator[Linter]:
    idle = _idle[spelling]
    linter = idle.pop() if idle else _made(spelling)
    try:
        yield linter
    finally:
        idle.append(linter)


_idle: dict[bool, list[Linter]] = {True: [], False: []}


def _made(spelling: bool) -> Linter:
    from harper import Linter

    linter = Linter()
    linter.set_lint_config({**linter.get_default_lint_config(), "SpellCheck": spelling})
    return linter
