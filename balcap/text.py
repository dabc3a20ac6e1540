"""Words and sentences of a caption: the one definition that every part of balcap counts by."""

from __future__ import annotations

import re
from functools import lru_cache

_SENTENCE_END = re.compile(r"""(?<=[.!?])\s+|(?<=[.!?]["'”’)\]])\s+|\n+""")
_CLAUSE_END = re.compile(r"[,;:]\s|\band\b")
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")

LONG_SENTENCE = 12  # words


@lru_cache(maxsize=65536)
def sentences(text: str) -> tuple[str, ...]:
    """Split at `.`, `!` or `?` before white space, and at line breaks; empty text has none.

    Parts without a letter, such as the "1." of a list, are left out.
    A rule, not a model: abbreviations ("e.g. a dog") are split too, which costs a head one odd
    sentence; a list without full stops stays one sentence.
    """
    return tuple(part.strip() for part in _SENTENCE_END.split(text) if _LETTER.search(part))


@lru_cache(maxsize=65536)
def clauses(text: str) -> tuple[str, ...]:
    """The sentences of a text; one of more than 12 words is followed by its pieces.

    Pieces end at commas, semicolons, colons and "and", so that a reader of single statements
    finds them in a list or a sentence that never ends too. Shorter sentences hold one statement:
    "a red circle and a blue star".
    """
    return tuple(part for sentence in sentences(text) for part in (sentence, *_pieces(sentence)))


def _pieces(sentence: str) -> list[str]:
    if len(sentence.split()) <= LONG_SENTENCE:
        return []
    parts = [part.strip() for part in _CLAUSE_END.split(sentence)]
    pieces = [part for part in parts if _LETTER.search(part)]
    return pieces if len(pieces) > 1 else []


def word_count(text: str) -> int:
    """Length in words as CapArena counts it: pieces between white space."""
    return len(text.split())


@lru_cache(maxsize=65536)
def words(text: str) -> tuple[str, ...]:
    """Lower-case words without punctuation; hyphens and apostrophes stay inside a word."""
    return tuple(_WORD.findall(text.lower()))
