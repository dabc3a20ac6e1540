"""Who works through the shards: this process and its like, actors of Ray, or a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from balcap import distributed
from balcap.cluster import worked_through
from balcap.policies.captioning.server import on_server
from balcap.policies.captioning.work import Work
from balcap.types import Sample

WentOn = Callable[[int], None]


def local(work: Work, samples: Sequence[Sample], missing: Sequence[int], went_on: WentOn) -> None:
    """Write the missing shards, shared out evenly over the processes of `accelerate launch`.

    Every process must be given the same list of them.
    """
    state = distributed.state()
    own = missing[state.process_index :: state.num_processes]

    def write() -> None:
        if not own:
            return
        writer = work.writer()
        for number in own:
            writer.write(number, work.shard(samples, number), went_on)

    distributed.at_leisure(write)  # the first process reads the shards of all


def on_ray(work: Work, samples: Sequence[Sample], missing: Sequence[int], went_on: WentOn) -> None:
    """Write the missing shards with Ray Data, on this machine or the cluster of `--ray-address`.

    The folder, and the images, must be reachable from every node.

    Raises:
        UserError: if there is no such cluster.
        RunError: if a worker fails.
    """
    pieces = [(number, work.shard(samples, number)) for number in missing]
    for _, written in worked_through(work.settings, partial(_of_shards, work), pieces, gpus=1.0):
        went_on(written)


def _of_shards(work: Work) -> Callable[[tuple[int, Sequence[Sample]]], int]:
    """What a worker of Ray does with a shard."""
    writer = work.writer()
    return lambda piece: writer.write(*piece)


ENGINES = {"local": local, "ray": on_ray, "server": on_server}
