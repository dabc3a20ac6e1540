"""How do Qwen's pictures lie in what its processor makes of several?

Patches, one picture's after the other's, as many for each as its grid says; everything else has a
row a picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

PATCHES, GRIDS = "pixel_values", "image_grid_thw"


def is_patches(name: str, fields: Mapping[str, Any]) -> bool:
    """Whether a field, by its name among the others, is patches."""
    return name == PATCHES and GRIDS in fields


def patch_ends(fields: Mapping[str, Any]) -> list[int]:
    """[N + 1]: where each picture's patches begin, and where the last one's end.

    Args:
        fields: with patches; the grids are [N, 3].
    """
    grids: Sequence[Sequence[int]] = fields[GRIDS]
    return [0, *np.cumsum(np.prod(np.asarray(grids), axis=1)).tolist()]
