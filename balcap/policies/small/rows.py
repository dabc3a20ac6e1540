"""Which captions of a batch have the same prompt and picture? Those of a group, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from balcap.policies.patches import is_patches, patch_ends


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
        if is_patches(name, inputs)
        else inputs[name][first]
        for name, rows in parts.items()
    }
    return few, torch.tensor(is_new).cumsum(0) - 1


def _rows(name: str, inputs: Mapping[str, Tensor]) -> Sequence[Tensor]:
    value = inputs[name]
    if not is_patches(name, inputs):
        return value.unbind()
    return [value[start:end] for start, end in pairwise(patch_ends(inputs))]
