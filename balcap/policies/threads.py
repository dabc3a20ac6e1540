"""How many processor threads does a policy on a CPU get, and what did a run have?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from balcap.console import say
from balcap.cores import waits_passively
from balcap.runs import provenance
from balcap.runs.folder import RunFolder

SMALL = 50_000_000
"""Parameters up to which a policy on a CPU gets few threads. Ours: the embedded ones have 0.8
million, the smallest of those that people train 3 thousand million."""
SHARED = "BALCAP_SHARED_CORES"
"""Set where OMP_NUM_THREADS is a share of the cores that a sweep gave, and not the user's word."""
LEARNING = 2
"""Threads with which a small policy learns, where they sleep while they wait. Ours, measured on two
cores: the update of 32 captions took 0.25 s with two and 0.32 with one, and writing them, by
transformers' loop, half as long again."""


@dataclass(frozen=True, slots=True)
class _Threads:
    writing: int
    learning: int


_now: _Threads | None = None
"""None: torch's own, as OMP_NUM_THREADS says, or no policy is loaded."""


def set_threads(model: Any) -> None:
    """Give torch few threads for a small model on a CPU, unless OMP_NUM_THREADS says how many.

    Its matrices are too small to share: a caption is written with one thread. An update, of all
    tokens of a batch at once, has two if they sleep while they wait (`balcap.cores`).

    It goes by the size alone and not by a measurement, so that a run and its repetition, on a quiet
    machine or a busy one, add up in the same order. The threads are the process's: any other model
    gets back what torch takes by itself, also where a small one was loaded before it, as the check
    of a training's settings does.
    """
    if _is_given():
        return
    most = _by_itself()
    if is_small(model) and model.device.type == "cpu":
        _use(_Threads(writing=1, learning=min(LEARNING if waits_passively() else 1, most)))
    else:
        _use(_Threads(most, most))


def is_small(model: Any) -> bool:
    """Whether calls, and not arithmetic, are what the time of a model on a CPU goes to."""
    parameters: int = sum(parameter.numel() for parameter in model.parameters())
    return parameters <= SMALL


def learn() -> None:
    """From here on torch computes an update."""
    import torch

    if _now:
        torch.set_num_threads(_now.learning)


def write() -> None:
    """From here on torch writes captions."""
    import torch

    if _now:
        torch.set_num_threads(_now.writing)


def continue_threads(run: RunFolder) -> None:
    """Give torch as many threads as a run had before it was resumed: it adds up in the same order.

    Not where OMP_NUM_THREADS says how many, nor more than this machine has.
    """
    before = provenance.threads_of(run)
    if before is not None and _now and not _is_given():
        learning = min(before, os.cpu_count() or 1)
        _use(_Threads(writing=1 if _now.writing == 1 else learning, learning=learning))


def keep_threads(run: RunFolder) -> None:
    """Write down how many threads an update has; say it where somebody may wonder at idle cores."""
    import torch

    threads = _now.learning if _now else torch.get_num_threads()
    provenance.add_threads(run, threads)
    if _now and _now.writing < _by_itself():
        say(
            f"torch writes with {_now.writing} thread and learns with {threads}, as the policy is "
            "small; OMP_NUM_THREADS gives it more"
        )


def _use(threads: _Threads) -> None:
    global _now
    _now = threads
    write()


def _is_given() -> bool:
    return "OMP_NUM_THREADS" in os.environ and SHARED not in os.environ


@cache
def _by_itself() -> int:
    """What torch takes by itself, known from before the first change."""
    import torch

    return torch.get_num_threads()
