"""Arrays with their shapes in the type: N `captions`, H `heads`.

At run time, and for mypy, each is a plain NumPy array of its dtype. In the tests jaxtyping is
imported first and checks dtype and shape at every call (`tests/conftest.py`); it is no dependency
of balcap, and costs a run nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

Float: TypeAlias = NDArray[np.float64]
Bool: TypeAlias = NDArray[np.bool_]
Int: TypeAlias = NDArray[np.int64]

if TYPE_CHECKING or "jaxtyping" not in sys.modules:
    Cells: TypeAlias = Float
    """[N, H] a number for each caption and head."""
    CellMask: TypeAlias = Bool
    """[N, H]"""
    PerCaption: TypeAlias = Float
    """[N]"""
    CaptionMask: TypeAlias = Bool
    """[N]"""
    Groups: TypeAlias = Int
    """[N] numbers of the captions' groups."""
    PerHead: TypeAlias = Float
    """[H]"""
    HeadMask: TypeAlias = Bool
    """[H]"""
    Columns: TypeAlias = Float
    """[N, K] like cells, for as many columns as there are."""
    ColumnMask: TypeAlias = Bool
    """[N, K]"""
else:
    import jaxtyping

    Cells = jaxtyping.Float64[np.ndarray, "captions heads"]
    CellMask = jaxtyping.Bool[np.ndarray, "captions heads"]
    PerCaption = jaxtyping.Float64[np.ndarray, "captions"]
    CaptionMask = jaxtyping.Bool[np.ndarray, "captions"]
    Groups = jaxtyping.Int64[np.ndarray, "captions"]
    PerHead = jaxtyping.Float64[np.ndarray, "heads"]
    HeadMask = jaxtyping.Bool[np.ndarray, "heads"]
    Columns = jaxtyping.Float64[np.ndarray, "captions columns"]
    ColumnMask = jaxtyping.Bool[np.ndarray, "captions columns"]
