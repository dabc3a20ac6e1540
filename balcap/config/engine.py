"""Who does work that can be cut into pieces: this process, or the workers of Ray."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from balcap.config.checks import above, at_least
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Who does the work.

    Attributes:
        engine: `local`, this process; or `ray`, the workers of Ray Data (`pip install
            'balcap[scale]'`).
        workers: of Ray, each with models of its own in memory.
        worker_gpus: GPUs of each worker, such as 1 or 0.5; default: for `caption` 1 where the
            cluster has any, else 0.
        ray_address: of a running cluster, `HOST:PORT`, or `auto` for the one that was last recorded
            on this machine; default: Ray is started on this machine.
        ray_wait: seconds that the cluster of `ray_address` may take to answer. Ours.
    """

    engine: Literal["local", "ray"] = "local"
    workers: int = 1
    worker_gpus: float | None = None
    ray_address: str | None = None
    ray_wait: float = 30.0

    def __post_init__(self) -> None:
        at_least("workers", self.workers, 1)
        above("ray_wait", self.ray_wait, 0.0)
        if self.worker_gpus is not None:
            at_least("worker_gpus", self.worker_gpus, 0.0)
        names = ("workers", "worker_gpus", "ray_address", "ray_wait")
        given = [name for name in names if getattr(self, name) != getattr(EngineSettings, name)]
        if given and self.engine != "ray":
            raise UserError(
                f"{given[0]} is {getattr(self, given[0])}, and engine is {self.engine!r}, which "
                "has no workers; add --engine ray, or leave it out"
            )
