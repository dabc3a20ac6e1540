"""Which process is this, and of how many? Asked before torch is imported, and after."""

from __future__ import annotations

import os
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
