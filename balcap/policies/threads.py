"""How many processor threads does a policy on a CPU get?"""

from __future__ import annotations

import os
from typing import Any

SMALL = 50_000_000
"""Parameters up to which a policy on a CPU gets one thread. Ours: the embedded ones have 0.8
million, the smallest of those that people train 3 thousand million."""


def set_threads(model: Any) -> None:
    """Give torch one thread for a small model on a CPU, unless OMP_NUM_THREADS says how many.

    Its matrices are too small to share. Threads that wait for each other spin, and where another
    process wants a core they wait for that too: with two threads on two cores beside other work a
    training took 12 to 16 times as long as with one (1.8 to 2.6 s a step against 29.7 to 31.0).

    It goes by the size alone and not by a measurement, so that a run and its repetition, on a quiet
    machine or a busy one, add up in the same order.
    """
    import torch

    if "OMP_NUM_THREADS" in os.environ or model.device.type != "cpu":
        return
    if sum(parameter.numel() for parameter in model.parameters()) <= SMALL:
        torch.set_num_threads(1)
