"""Which captions of a batch have the same prompt and picture? Those of a group, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

PATCHES, GRIDS = "pixel_values", "image_grid_thw"
"""Qwen's pictures: patches one after the other, as many for each as its grid says."""


def distinct(inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
    """Leave out the rows that repeat the row before.

    Args:
        inputs: of a model, by name, `input_ids` among them: a row for each caption, or Qwen's
            patches. Where one is laid out in some other way nothing is left out.

    Returns:
        The inputs of the N rows that are left, and [B] which of those each row has.
    """
    batch = len(inputs["input_ids"])
    parts = {name: _rows(name, inputs) for name in inputs}
    if any(len(rows) != batch for rows in parts.values()):
        return dict(inputs), torch.arange(batch)
    is_new = [True] + [
        not all(torch.equal(rows[row - 1], rows[row]) for rows in parts.values())
        for row in range(1, batch)
    ]
    first = [row for row in range(batch) if is_new[row]]
    few = {
        name: torch.cat([rows[row] for row in first])
        if _is_patches(name, inputs)
        else inputs[name][first]
        for name, rows in parts.items()
    }
    return few, torch.tensor(is_new).cumsum(0) - 1


def _rows(name: str, inputs: Mapping[str, Tensor]) -> Sequence[Tensor]:
    value = inputs[name]
    if not _is_patches(name, inputs):
        return value.unbind()
    return torch.split(value, inputs[GRIDS].prod(dim=1).tolist())


def _is_patches(name: str, inputs: Mapping[str, Tensor]) -> bool:
    return name == PATCHES and GRIDS in inputs
