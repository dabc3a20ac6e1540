"""Words and sentences of a caption: the one definition that every part of balcap counts by."""

from __future__ import annotations

import re
from functools import lru_cache

_SENTENCE_END = re.compile(
    r"""(?<=[.!?])\s+|(?<=[.!?]["'”’)\]])\s+|\n+"""
    # ideographic stops need no white space behind them; a closing mark stays with them
    r"|(?<=[。！？｡])(?![。！？｡」』”’）])|(?<=[。！？｡][」』”’）])"
)
_CLAUSE_END = re.compile(r"[,;:]\s|\band\b|[，、；：]")
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
# letters of scripts that put no blanks between words: Thai and Lao, Burmese, Khmer; Chinese
# characters, kana and bopomofo (Korean has blanks)
_UNSPACED = re.compile(
    "(?=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3021-\u3029\u3041-\u312f\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff])"
    r"[^\W\d_]"
)

LONG_SENTENCE = 12  # words


@lru_cache(maxsize=65536)
def sentences(text: str) -> tuple[str, ...]:
    """Split at `.`, `!` or `?` before white space, at `。`, `！` or `？`, and at line breaks; empty
    text has none.

    Parts without a letter, such as the "1." of a list, are left out.
    A rule, not a model: abbreviations ("e.g. a dog") are split too, which costs a head one odd
    sentence; a list without full stops stays one sentence, and so does Thai, which has none.
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
    if word_count(sentence) <= LONG_SENTENCE:
        return []
    parts = [part.strip() for part in _CLAUSE_END.split(sentence)]
    pieces = [part for part in parts if _LETTER.search(part)]
    return pieces if len(pieces) > 1 else []


def word_count(text: str) -> int:
    """Length in words as CapArena counts it: pieces between white space.

    In scripts without blanks between words (Chinese, Japanese, Thai, Lao, Burmese, Khmer) every
    letter counts as one, which is ours: segmenters of different dictionaries disagree by a third.
    Their vowel signs and punctuation count nothing, and what stands between their letters in one
    piece, such as a name or a number, counts one. Texts joined by white space have the sum of
    their lengths; any text that is not blank has at least 1.
    """
    pieces = text.split()
    if text.isascii() or not _UNSPACED.search(text):
        return len(pieces)
    return sum(map(_length_of, pieces))


def _length_of(piece: str) -> int:
    between = _UNSPACED.split(piece)
    if len(between) == 1:
        return 1
    return len(between) - 1 + sum(_WORD.search(part) is not None for part in between)


@lru_cache(maxsize=65536)
def words(text: str) -> tuple[str, ...]:
    """Lower-case words without punctuation; hyphens and apostrophes stay inside a word."""
    return tuple(_WORD.findall(text.lower()))
