"""How nearly does a caption state a given sentence? By embeddings, and by words that exclude."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from balcap.judges.embedding import Embedder
from balcap.text import clauses, words

# Words of which one excludes the others; those beside each other mean the same. Measured on the
# shapes world: "at the top left" and "at the top right" have a cosine of 0.99, so that without
# this list a caption with every side swapped kept 0.92 of its coverage; with it, 0.47.
EXCLUSIVE = (
    ("left", "right"),
    ("top upper above over", "bottom lower below under beneath"),
    ("large big huge", "small little tiny"),
    ("inside indoors", "outside outdoors"),
    ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    (
        "red", "blue", "green", "yellow", "purple violet", "black", "white", "gray grey", "pink",
        "cyan turquoise", "orange", "brown", "beige", "gold golden", "silver",
    ),
)  # fmt: skip
_SETS = tuple(
    {word: index for index, alike in enumerate(row) for word in alike.split()} for row in EXCLUSIVE
)


def stated(
    pairs: Sequence[tuple[Sequence[str], str]], embed: Embedder
) -> list[NDArray[np.float32]]:
    """Compare sentences with captions, all of a batch at once.

    Args:
        pairs: for each caption the sentences looked for, and the caption's text.
        embed: sentences to unit vectors.

    Returns:
        For each pair one number a sentence, in [0, 1]: the highest cosine to any clause of the
        caption (see `balcap.text.clauses`) that does not exclude it; 0 where there is none.
        What a relation relates is not understood: "the star is left of the cross" and "the cross
        is left of the star" have a cosine of 0.99.

    Raises:
        UserError: if the embedding model cannot be loaded.
    """
    said = [clauses(text) for _, text in pairs]
    texts = list(
        dict.fromkeys(
            text
            for (wanted, _), found in zip(pairs, said, strict=True)
            if found
            for text in (*wanted, *found)
        )
    )
    vectors = embed(texts)
    row = {text: i for i, text in enumerate(texts)}

    def nearest(wanted: Sequence[str], found: Sequence[str]) -> NDArray[np.float32]:
        if not wanted or not found:
            return np.zeros(len(wanted), dtype=np.float32)
        left, right = ([row[text] for text in side] for side in (wanted, found))
        cosine = vectors[left] @ vectors[right].T
        allowed = np.array([[not excludes(a, b) for b in found] for a in wanted])
        best: NDArray[np.float32] = np.where(allowed, cosine, 0.0).max(axis=1)
        return np.clip(best, 0.0, 1.0)

    return [nearest(wanted, found) for (wanted, _), found in zip(pairs, said, strict=True)]


def excludes(one: str, other: str) -> bool:
    """Whether two sentences cannot say the same: of some row of `EXCLUSIVE` both name something,
    and nothing in common."""
    pairs = zip(_named(one), _named(other), strict=True)
    return any(a and b and not a & b for a, b in pairs)


@lru_cache(maxsize=65536)
def _named(text: str) -> tuple[frozenset[int], ...]:
    said = words(text)
    return tuple(frozenset(row[word] for word in said if word in row) for row in _SETS)
