"""How many processor cores may this process use, and how do its threads wait for each other?"""

from __future__ import annotations

import os
import sys

WAITING = "OMP_WAIT_POLICY"


def cores() -> int:
    """Those that it is held to; all of the machine where nothing is said of that."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def wait_passively() -> None:
    """Let torch's threads sleep while they wait for each other, unless the user says otherwise.

    They spin by themselves, and where another process wants a core they wait for that too: a
    training with two threads on two cores beside other work took 12 to 16 times as long as with
    one. To be called before torch is imported, which reads it once; later it does nothing.
    """
    if "torch" not in sys.modules:
        os.environ.setdefault(WAITING, "PASSIVE")


def waits_passively() -> bool:
    """Whether they do."""
    return os.environ.get(WAITING, "").upper() == "PASSIVE"
