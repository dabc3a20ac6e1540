"""Reward matrices for the tests: written down, or drawn by hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from balcap.advantage.matrix import RewardMatrix


def make(columns, group=None, scored=None) -> RewardMatrix:
    """A matrix from one list of scores per head; None is a cell that is not scored."""
    table = np.array(columns, dtype=float).T
    scored = ~np.isnan(table) if scored is None else scored
    group = np.zeros(len(table), int) if group is None else group
    return RewardMatrix(table, scored, group, tuple("abcdef"[: table.shape[1]]))


@st.composite
def matrices(draw, masked: bool = True) -> RewardMatrix:
    """1 to 4 groups of 1 to 6 captions in any order, 1 to 3 heads, scores k/20 with many ties."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    group = draw(st.permutations(np.repeat(range(len(sizes)), sizes).tolist()))
    shape = (len(group), draw(st.integers(1, 3)))
    # Without `fill`, most cells would be alike and most groups dead.
    values = draw(arrays(int, shape, elements=st.integers(0, 20), fill=st.nothing())) / 20
    scored = np.ones(shape, bool)
    if masked:
        holes = draw(st.sets(st.integers(0, scored.size - 1), max_size=scored.size // 2))
        scored.flat[list(holes)] = False
    return make(values.T, np.array(group), scored)


def rows(matrix: RewardMatrix, chosen) -> RewardMatrix:
    """The matrix of some captions only, in the order given."""
    return RewardMatrix(
        matrix.values[chosen], matrix.scored[chosen], matrix.group[chosen], matrix.heads
    )
