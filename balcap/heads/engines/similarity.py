"""How nearly does a caption state a given sentence? By embeddings, and by words that exclude."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from balcap.text import clauses, words

if TYPE_CHECKING:
    from balcap.heads.engines.embedding import Embedder, Vectors

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


def best_similarities(
    pairs: Sequence[tuple[Sequence[str], str]], embed: Embedder
) -> list[list[float]]:
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
    read = [(wanted, clauses(text)) for wanted, text in pairs]
    texts = list(dict.fromkeys(text for wanted, said in read if said for text in (*wanted, *said)))
    row = {text: i for i, text in enumerate(texts)}
    vectors = embed(texts)
    return [_nearest(wanted, said, vectors, row) for wanted, said in read]


def _nearest(
    wanted: Sequence[str], said: Sequence[str], vectors: Vectors, row: Mapping[str, int]
) -> list[float]:
    import numpy as np

    if not wanted or not said:
        return [0.0] * len(wanted)
    cosine = vectors[[row[text] for text in wanted]] @ vectors[[row[text] for text in said]].T
    excluded = np.array([[excludes(one, other) for other in said] for one in wanted])
    nearest: list[float] = np.where(excluded, 0.0, cosine).max(axis=1).clip(0.0, 1.0).tolist()
    return nearest


def excludes(one: str, other: str) -> bool:
    """Whether two sentences cannot say the same: of some row of `EXCLUSIVE` both name something,
    and nothing in common."""
    pairs = zip(_named(one), _named(other), strict=True)
    return any(a and b and not a & b for a, b in pairs)


@lru_cache(maxsize=65536)
def _named(text: str) -> tuple[frozenset[int], ...]:
    said = words(text)
    return tuple(frozenset(row[word] for word in said if word in row) for row in _SETS)
