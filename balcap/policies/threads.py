"""How many processor threads does a policy on a CPU get, and what did a run have?"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from balcap.console import say
from balcap.runs import provenance
from balcap.runs.folder import RunFolder

SMALL = 50_000_000
"""Parameters up to which a policy on a CPU gets one thread. Ours: the embedded ones have 0.8
million, the smallest of those that people train 3 thousand million."""
SHARED = "BALCAP_SHARED_CORES"
"""Set where OMP_NUM_THREADS is a share of the cores that a sweep gave, and not the user's word."""


def set_threads(model: Any) -> None:
    """Give torch one thread for a small model on a CPU, unless OMP_NUM_THREADS says how many.

    Its matrices are too small to share. Threads that wait for each other spin, and where another
    process wants a core they wait for that too: with two threads on two cores beside other work a
    training took 12 to 16 times as long as with one (1.8 to 2.6 s a step against 29.7 to 31.0).

    It goes by the size alone and not by a measurement, so that a run and its repetition, on a quiet
    machine or a busy one, add up in the same order. The threads are the process's: any other model
    gets back what torch takes by itself, also where a small one was loaded before it, as the check
    of a training's settings does.
    """
    import torch

    if _is_given():
        return
    by_itself = _by_itself()
    small = sum(parameter.numel() for parameter in model.parameters()) <= SMALL
    torch.set_num_threads(1 if small and model.device.type == "cpu" else by_itself)


def continue_threads(run: RunFolder) -> None:
    """Give torch as many threads as a run had before it was resumed: it adds up in the same order.

    Not where OMP_NUM_THREADS says how many, nor more than this machine has.
    """
    import torch

    before = provenance.threads_of(run)
    if before is not None and not _is_given():
        torch.set_num_threads(min(before, os.cpu_count() or 1))


def keep_threads(run: RunFolder) -> None:
    """Write down how many threads torch has; say it where somebody may wonder at an idle core."""
    import torch

    threads = torch.get_num_threads()
    provenance.add_threads(run, threads)
    if threads == 1 < _by_itself():
        say("torch computes with 1 thread, as the policy is small; OMP_NUM_THREADS gives it more")


def _is_given() -> bool:
    return "OMP_NUM_THREADS" in os.environ and SHARED not in os.environ


@cache
def _by_itself() -> int:
    """What torch takes by itself, known from before the first change."""
    import torch

    return torch.get_num_threads()
