"""How does a data set open its rows when they are read, without a hash of all that this needs?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Columns = dict[str, list[Any]]


class RowTransform:
    """A function as the transform of a `datasets.Dataset`.

    `datasets` makes a fingerprint of a transform by pickling it, with all that a function refers
    to: every sample, and the policy's weights, through the reader of its images. That is for files
    that it caches, which data sets with a transform have none of.

    Args:
        opened: from the columns of some rows to those that the trainer wants.
    """

    def __init__(self, opened: Callable[[Mapping[str, list[int]]], Columns]) -> None:
        self._opened = opened

    def __call__(self, rows: Mapping[str, list[int]]) -> Columns:
        """The columns of some rows."""
        return self._opened(rows)

    def __getstate__(self) -> None:
        """Nothing, where it is pickled."""

    def __deepcopy__(self, memo: object) -> RowTransform:
        """Itself: a data set copies its transform."""
        return self
