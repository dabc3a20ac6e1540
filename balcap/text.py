"""Words and sentences of a caption: the one definition that every part of balcap counts by."""

from __future__ import annotations

import re
from functools import lru_cache

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@lru_cache(maxsize=65536)
def sentences(text: str) -> tuple[str, ...]:
    """Split at `.`, `!` or `?` before white space, and at line breaks; empty text has none.

    A rule, not a model: abbreviations ("e.g. a dog") are split too, which costs a head one odd
    sentence; a list without full stops stays one sentence.
    """
    return tuple(part.strip() for part in _SENTENCE_END.split(text) if part.strip())


def word_count(text: str) -> int:
    """Length in words as CapArena counts it: pieces between white space."""
    return len(text.split())


@lru_cache(maxsize=65536)
def words(text: str) -> tuple[str, ...]:
    """Lower-case words without punctuation; hyphens and apostrophes stay inside a word."""
    return tuple(_WORD.findall(text.lower()))
