"""RewardMatrix: the scores of a batch of captions, one column per head. Pure data, float64."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from balcap.advantage.arrays import CellMask, Cells, Groups
from balcap.errors import did_you_mean


@dataclass(frozen=True, eq=False)
class RewardMatrix:
    """Scores of N captions by H heads.

    Attributes:
        values: [N, H] float64. What stands in a cell that is not scored is never read.
        scored: [N, H] bool. False where the head gave no score, or a gate took the cell out.
        group: [N] int. Captions with the same number answer the same prompt and are compared
            with each other. Groups may be of any size and in any order.
        heads: H names, all different.
        kept: [N, H] bool, all True unless a gate of mode `post` ran. A cell that is not kept takes
            part in its head's normalisation, and its normalised score is then set to 0.

    The arrays are copies and read-only: nothing that is done to an array afterwards changes a
    matrix, and no normaliser can change the scores of another.

    Raises:
        ValueError: if shapes do not fit, group holds other than whole numbers, a name stands
            twice, or a scored value is not finite.
    """

    values: Cells
    scored: CellMask
    group: Groups
    heads: tuple[str, ...]
    kept: CellMask = field(default_factory=lambda: np.ones((), dtype=np.bool_))

    def __post_init__(self) -> None:
        if np.asarray(self.group).dtype.kind == "f" and len(self.group):
            # 0.2 and 0.7 would otherwise both become group 0, without a word
            raise ValueError("group holds floating-point numbers; group ids are whole numbers")
        set_field = object.__setattr__  # the class is frozen: only here are fields converted
        set_field(self, "values", _frozen(self.values, np.float64))
        set_field(self, "scored", _frozen(self.scored, np.bool_))
        set_field(self, "group", _frozen(self.group, np.int64))
        set_field(self, "heads", tuple(self.heads))
        kept = np.asarray(self.kept)
        set_field(self, "kept", _frozen(kept if kept.ndim else kept | self.scored | True, np.bool_))
        self._check_shapes()
        self._check_scores()

    def _check_shapes(self) -> None:
        if self.group.ndim != 1:
            raise ValueError(f"group has shape {self.group.shape}; it must be one number a caption")
        if len(set(self.heads)) != len(self.heads):
            raise ValueError(f"a head appears twice: {', '.join(self.heads)}")
        rows = len(self.group)
        shape = (rows, len(self.heads))
        for name in ("values", "scored", "kept"):
            seen = getattr(self, name).shape
            if seen != shape:
                raise ValueError(
                    f"{name} has shape {seen}; with {rows} captions and heads "
                    f"{', '.join(self.heads)} it must be {shape}"
                )

    def _check_scores(self) -> None:
        bad = self.scored & ~np.isfinite(self.values)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise ValueError(
                f"head {self.heads[column]!r} scored caption {row} as {self.values[row, column]}; "
                "a score must be finite: mark the cell as not scored instead"
            )

    def __len__(self) -> int:
        return len(self.group)

    def column(self, head: str) -> int:
        """Index of a head. Raises ValueError with the list if there is none of that name."""
        if head not in self.heads:
            raise ValueError(
                f"no head {head!r} in this matrix; it has {', '.join(self.heads)}"
                f"{did_you_mean(head, self.heads)}"
            )
        return self.heads.index(head)

    def with_columns(
        self,
        *,
        values: Cells | None = None,
        scored: CellMask | None = None,
        kept: CellMask | None = None,
    ) -> RewardMatrix:
        """Return a copy with `values`, `scored` or `kept` replaced."""
        return replace(
            self,
            values=self.values if values is None else values,
            scored=self.scored if scored is None else scored,
            kept=self.kept if kept is None else kept,
        )


def _frozen(cells: Any, kind: type[np.generic]) -> NDArray[Any]:
    """A read-only copy; the array itself where it already is one that nobody can write to."""
    given = np.asarray(cells, dtype=kind)
    if given.flags.writeable or given.base is not None:
        given = given.copy()
        given.flags.writeable = False
    return given
