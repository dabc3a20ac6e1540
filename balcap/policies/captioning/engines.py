"""Who works through the shards: this process and its like, actors of Ray, or a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from balcap import distributed
from balcap.policies.captioning import cluster
from balcap.policies.captioning.folder import CaptionFolder
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
    if own:
        writer = work.writer(samples)
        for number in own:
            writer.write(number, went_on)
    distributed.everyones(None)  # the first process reads the shards of all


class _Actor:
    """A worker of Ray Data: loads the policy once, then writes the shards that it is given."""

    def __init__(self, work: Work) -> None:
        self.writer = work.writer(CaptionFolder(work.folder).read_samples())

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {"captions": [self.writer.write(int(number)) for number in batch["shard"]]}


def on_ray(work: Work, samples: Sequence[Sample], missing: Sequence[int], went_on: WentOn) -> None:
    """Write the missing shards with Ray Data, on this machine or the cluster of `--ray-address`.

    The folder, and the images, must be reachable from every node.

    Raises:
        UserError: if there is no such cluster.
    """
    settings = work.settings
    ray = cluster.connect(settings.ray_address, settings.ray_wait)
    folder = CaptionFolder(work.folder)
    folder.write_samples(samples)  # which the workers would otherwise read and check once more
    shards = ray.data.from_items(
        [{"shard": number} for number in missing], override_num_blocks=len(missing)
    )
    done = shards.map_batches(
        _Actor,
        fn_constructor_args=(work,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(settings.workers, len(missing))),
        num_gpus=1 if ray.cluster_resources().get("GPU") else 0,
        num_cpus=1,
    )
    for row in done.iter_rows():
        went_on(int(row["captions"]))
    folder.samples.unlink(missing_ok=True)


ENGINES = {"local": local, "ray": on_ray, "server": on_server}
