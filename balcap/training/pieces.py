"""How are a step's captions written in pieces?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from balcap.errors import UserError
from balcap.policies.patches import is_patches, patch_ends


def pieces(rows: int, group_size: int, chunks: int) -> Iterator[slice]:
    """Cut rows into at most `chunks` pieces of whole groups, as equal as they can be.

    Processes with equally many rows have equally many pieces: sharded weights need that.

    Args:
        rows: captions of this process, at least one; those of a group stand together.
        group_size: captions per sample.
        chunks: how many pieces are wanted, at least one.
    """
    groups = math.ceil(rows / group_size)
    number = min(chunks, groups)
    ends = [round(piece * groups / number) * group_size for piece in range(number + 1)]
    for start, end in pairwise(ends):
        yield slice(start, min(end, rows))


def piece_of(fields: Mapping[str, Any], rows: int, piece: slice) -> dict[str, Any]:
    """What a processor made of some of its rows, each of which has one image.

    Args:
        fields: by name, something that can be sliced: a row each, or Qwen's patches.
        rows: how many there are.
        piece: those that are wanted.

    Raises:
        UserError: if a field is laid out in another way.
    """
    found: dict[str, Any] = {}
    for name, values in fields.items():
        if is_patches(name, fields):
            ends = patch_ends(fields)
            found[name] = values[ends[piece.start] : ends[piece.stop]]
        elif len(values) == rows:
            found[name] = values[piece]
        else:
            raise UserError(
                f"rollout.chunks needs a processor with one row of {name} an image, and the "
                f"policy's makes {len(values)} of {rows} images; use --rollout.chunks 1"
            )
    return found
