"""Which process is this, and of how many? Asked before torch is imported, and after."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def count() -> int:
    """Number of processes of this training, as `accelerate launch` or torchrun tells it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that prints and writes."""
    return os.environ.get("RANK", "0") == "0"


def state() -> Any:
    """accelerate's `PartialState`, which connects the processes when it is first made.

    Made with `cpu` where there is no GPU: without that, accelerate takes each of several processes
    on such a machine for the only one.
    """
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available())


def everyones(item: T) -> list[T]:
    """What each process has there, in their order. Every process must ask, or all wait."""
    if count() == 1:
        return [item]
    from accelerate.utils import gather_object

    state()
    gathered: list[T] = gather_object([item])
    return gathered


def first_ones(item: T) -> T:
    """What the first process has there, in all of them. Every process must ask, or all wait.

    For what may be another answer a moment later: which files are there, which checkpoint is new.
    """
    return everyones(item)[0]


def raise_together(failure: Exception | None) -> None:
    """Raise, in all processes, the failure of the first one that has any. Every process must call.

    A process that stopped alone would leave the others waiting for it.
    """
    for failed in everyones(failure):
        if failed is not None:
            raise failed


def in_turn(shares: Sequence[Sequence[T]], total: int) -> list[T]:
    """Items in their order, of which process p of P had the items p, p + P, p + 2P ...

    Args:
        shares: of each process, as `everyones` returns them; what is over is left out.
        total: number of items.
    """
    return [shares[i % len(shares)][i // len(shares)] for i in range(total)]
