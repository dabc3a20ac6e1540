"""Mean, spread and liveness of scores within their groups: what every normaliser starts from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from balcap.advantage.arrays import (
    Bool,
    CaptionMask,
    CellMask,
    Cells,
    ColumnMask,
    Columns,
    Float,
    Groups,
)
from balcap.advantage.matrix import RewardMatrix

DEAD_RANGE = 1e-6
"""A group is dead where its scores differ by no more than this, times max(1, largest |score|).

Tested by the range in float64, because an epsilon in a denominator does not do it: the rounding
error of the mean of 0.1, 0.1, ... (6 times) divided by its own std is of order 1. The value is a
few float32 roundings of a score near 1 (heads that compute in float32 disagree by that much about
equal captions), and costs little: beside eps = 1e-4 such a group had |z| <= 0.01.
"""

Numbers = Float | float
"""One, or one for each of something."""

EPS = 1e-4
"""Added to every std, as GDPO's reference code and TRL do."""


def apart(lowest: Numbers, highest: Numbers, scale: Numbers) -> Bool:
    """Whether numbers from `lowest` to `highest` differ by more than rounding, at this scale.

    The one rule for what is dead. The scale of sums is that of what was added up: terms of size 1
    that cancel leave 1e-16, which is not small beside itself.
    """
    return np.asarray(highest - lowest > DEAD_RANGE * scale)


class GroupStatistics(NamedTuple):
    """Statistics of each cell's group, written to the cell's row.

    Attributes:
        mean: [N, K] mean of the scored cells; 0 where a group has none.
        std: [N, K] std of the scored cells, divided by n - 1; 0 where a group has fewer than two.
        live: [N, K] True for scored cells that can be told from the others of their group: at
            least two are scored, and their range is above `DEAD_RANGE`.
    """

    mean: Columns
    std: Columns
    live: ColumnMask


def group_statistics(values: Columns, scored: ColumnMask, group: Groups) -> GroupStatistics:
    """Describe the columns of `values` [N, K] within each group, from their scored cells only.

    Sums run over the rows in their order, a cell that is not scored adding 0.0: so taking a cell
    out and deleting its row give the same numbers to the last bit.
    """
    values = np.where(scored, values, 0.0)
    labels, row = np.unique(group, return_inverse=True)
    shape = (len(labels), values.shape[1])

    def total(cells: Columns) -> Float:
        sums = np.zeros(shape)
        np.add.at(sums, row, np.where(scored, cells, 0.0))
        return sums

    count = total(np.ones_like(values))
    mean = total(values) / np.maximum(count, 1)
    variance = total((values - mean[row]) ** 2) / np.maximum(count - 1, 1)

    highest, lowest = np.full(shape, -np.inf), np.full(shape, np.inf)
    np.maximum.at(highest, row, np.where(scored, values, -np.inf))
    np.minimum.at(lowest, row, np.where(scored, values, np.inf))
    scale = np.maximum(1.0, np.maximum(np.abs(highest), np.abs(lowest)))
    differs = (count >= 2) & apart(lowest, highest, scale)
    return GroupStatistics(mean[row], np.sqrt(variance)[row], scored & differs[row])


def live_cells(matrix: RewardMatrix) -> CellMask:
    """[N, H] True for cells that say something: scored, and not alone or equal in their group."""
    return group_statistics(matrix.values, matrix.scored, matrix.group).live


def in_group(cells: ColumnMask, group: Groups) -> ColumnMask:
    """[N, K] True for every caption whose group has a True cell of `cells` [N, K] in the column."""
    labels, row = np.unique(group, return_inverse=True)
    found = np.zeros((len(labels), cells.shape[1]), dtype=np.bool_)
    np.logical_or.at(found, row, cells)
    return np.asarray(found[row])


def any_head(cells: CellMask) -> CaptionMask:
    """[N] True for captions with at least one True cell of `cells` [N, H]."""
    return np.asarray(cells.any(axis=1))


def standardize(matrix: RewardMatrix, eps: float) -> tuple[Cells, CellMask]:
    """Compare each head's scores with those of the same group.

    z = (r - mean_g) / (std_g + eps), both over the group's scored cells of that head, std divided
    by n - 1.

    Returns:
        z [N, H], and which cells speak [N, H]. The others' z is exactly 0: they are not scored,
        alone, in a dead group, or were taken out afterwards by a gate of mode `post`.
    """
    mean, std, live = group_statistics(matrix.values, matrix.scored, matrix.group)
    speaks = live & matrix.kept
    score = np.zeros_like(matrix.values)
    np.divide(matrix.values - mean, std + eps, out=score, where=speaks)
    return score, speaks
