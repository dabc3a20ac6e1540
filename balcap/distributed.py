"""Which process is this, and of how many? Asked before torch is imported, and after."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from balcap.errors import RunError, UserError, portable

T = TypeVar("T")
Failure = TypeVar("Failure", bound=UserError | RunError)

PATIENCE = timedelta(days=1)
"""How long processes wait for one that asks a judge or writes captions. Ours: NCCL's own limit of
ten minutes is for processes that do the same."""


def count() -> int:
    """Number of processes of this training, as `accelerate launch` or torchrun tells it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def number() -> int:
    """Which of them this process is, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_first() -> bool:
    """Whether this process is the one that prints and writes."""
    return number() == 0


def leave(code: int) -> NoReturn:
    """End this process with an exit code, once its command is done.

    Of several processes each leaves without the interpreter's own end. There a thread of torch's
    connections may still want the interpreter, and aborts the process: seen in one of sixteen exits
    of a pair on a busy CPU. Its launcher then stops the others, who may not be done.
    """
    if count() == 1:
        sys.exit(code)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def share_of(places: int) -> int:
    """How many of the run's places this process has: the remainder goes to the first processes.

    Every process has at least one, so that fewer places than processes become as many.
    """
    each, rest = divmod(places, count())
    return max(1, each + (number() < rest))


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


def raise_together(failure: UserError | RunError | None) -> None:
    """Raise, in all processes, the failure of the first one that has any. Every process must call.

    A process that stopped alone would leave the others waiting for it.
    """
    for failed in everyones(failure):
        if failed is not None:
            raise alike(failed)


def alike(failure: Failure) -> Failure:
    """An error that all processes raise: the first one tells it for all."""
    failure.told = not is_first()
    return failure


def at_leisure(work: Callable[[], None]) -> None:
    """Do what may take one process much longer than the others, which wait. Every process must
    call.

    Raises:
        UserError, RunError: in all processes, the failure of the first one that has any.
    """
    if count() == 1:
        work()
        return
    import torch.distributed as processes

    state()
    meeting: Any = processes.new_group(backend="gloo", timeout=PATIENCE)
    failures: list[UserError | RunError | None] = [None] * count()
    failure = None
    try:
        work()
    except (UserError, RunError) as error:
        failure = portable(error)
    processes.all_gather_object(failures, failure, group=meeting)
    processes.destroy_process_group(meeting)
    for failed in failures:
        if failed is not None:
            raise alike(failed)


def in_turn(shares: Sequence[Sequence[T]], total: int) -> list[T]:
    """Items in their order, of which process p of P had the items p, p + P, p + 2P ...

    Args:
        shares: of each process, as `everyones` returns them; what is over is left out.
        total: number of items.
    """
    return [shares[i % len(shares)][i // len(shares)] for i in range(total)]
