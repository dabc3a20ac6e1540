"""What is trained in each cell of the ablation, and what is the same in all of them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from balcap.config.ablate import AblateSettings
from balcap.config.checks import one_of

Values = dict[str, Any]

COMMAND = ("${env}", "balcap", "train", "${args}")


@dataclass(frozen=True)
class Cell:
    """One way to train.

    Attributes:
        name: as it is typed.
        what: how it differs from the reference cell, for people.
        changes: its settings of `balcap train` that are not the reference cell's.
    """

    name: str
    what: str
    changes: Mapping[str, Any]

    @property
    def values(self) -> Values:
        """All settings that differ between cells."""
        return _BALANCED | dict(self.changes)


_BALANCED: Values = {
    "rewards": "qa,cov,fluency",
    "normalizer": "gdpo",
    "gate": "zero",
    "shapes.references": "full",
}

BALANCED = Cell("balanced", "qa, cov and fluency by GDPO, fluency masked by length", {})
"""The reference cell, from which every difference is taken: the default of `balcap train`."""

CELLS = (
    BALANCED,
    Cell("utility", "qa alone, as CapRL", {"rewards": "qa"}),
    Cell("no-fluency", "without fluency", {"rewards": "qa,cov"}),
    Cell(
        "precision",
        "with precision, exact; the reference cell is the one without",
        {"rewards": "qa,cov,fluency,precision"},
    ),
    Cell("sum", "the sum is normalised, as GRPO does", {"normalizer": "grpo"}),
    Cell("penalty", "a linear length penalty for the mask", {"gate": "penalty"}),
    Cell("no-length", "no control of length", {"gate": "none"}),
    Cell(
        "poor-references",
        "references of half the things, some wrong",
        {"shapes.references": "poor"},
    ),
)
"""The ablations of BalCapRL (arXiv 2605.07394), in miniature.

Its `no precision` is read the other way round, from a cell that adds it: the engine `scene` is the
truth itself, and in the reference cell it would make fact F1 a reward of every cell but one. Its
`no pointability` has no cell: the words of the shapes world have nothing that cannot be pointed at.
"""


def chosen(names: Sequence[str]) -> tuple[Cell, ...]:
    """The cells of those names, in the order of `CELLS`, the reference cell first; all for none.

    Raises:
        UserError: naming the nearest cell, for one that is not there.
    """
    for name in names:
        one_of("cell", name, tuple(cell.name for cell in CELLS))
    return tuple(cell for cell in CELLS if not names or cell is BALANCED or cell.name in names)


def shared_values(settings: AblateSettings) -> Values:
    """Settings of `balcap train` that are the same in every cell.

    Every run of a seed begins with the same policy and sees the same samples in the same order, and
    all are scored by the same heads on the same held-out samples, whatever they were trained by.
    """
    return {
        "policy": "tiny-qwen2.5-vl",
        "data": "shapes",
        "steps": settings.steps,
        "eval_samples": settings.eval_samples,
        "eval_rewards": "qa,cov,fluency,precision",
        "precision.engine": "scene",
        "keep_checkpoints": 1,
    }
