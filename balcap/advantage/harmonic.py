"""How good is a caption on all heads at once?"""

from __future__ import annotations

import math
from collections.abc import Sequence


def harmonic_mean(values: Sequence[float | None]) -> float | None:
    """Harmonic mean in the form of BalCapRL's b-CapScore (arXiv 2605.07394): K / sum(1 / x_k).

    0 if any value is 0 or below; None if any has no value, or there are none.
    """
    if not values or any(value is None for value in values):
        return None
    known = [value for value in values if value is not None]
    if min(known) <= 0:
        return 0.0
    return len(known) / math.fsum(1 / value for value in known)
