"""Who works through the shards: this process and its like, or the actors of a Ray cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from balcap import distributed
from balcap.config.caption import ResolvedCaptionSettings
from balcap.errors import UserError
from balcap.policies.captioning.folder import CaptionFolder
from balcap.policies.captioning.shards import ShardWriter
from balcap.policies.generation import Sampling, sampling_of
from balcap.policies.loading import load
from balcap.types import Sample

WentOn = Callable[[int], None]


def writer_of(settings: ResolvedCaptionSettings, samples: Sequence[Sample]) -> ShardWriter:
    """Load the policy; whoever does can write any shard."""
    sampling = Sampling(sampling_of(settings), settings.max_tokens, settings.batch, settings.seed)
    return ShardWriter(
        load(settings), samples, sampling, settings.shard_size, CaptionFolder(settings.folder)
    )


def local(
    settings: ResolvedCaptionSettings,
    samples: Sequence[Sample],
    missing: Sequence[int],
    went_on: WentOn,
) -> None:
    """Write the missing shards, shared out evenly over the processes of `accelerate launch`."""
    state = distributed.state()
    own = missing[state.process_index :: state.num_processes]
    if own:
        writer = writer_of(settings, samples)
        for number in own:
            writer.write(number, went_on)
    distributed.everyones(None)  # the first process reads the shards of all


class _Actor:
    """A worker of Ray Data: loads the policy once, then writes the shards that it is given."""

    def __init__(self, settings: ResolvedCaptionSettings) -> None:
        self.writer = writer_of(settings, CaptionFolder(settings.folder).read_samples())

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {"captions": [self.writer.write(int(number)) for number in batch["shard"]]}


def on_ray(
    settings: ResolvedCaptionSettings,
    samples: Sequence[Sample],
    missing: Sequence[int],
    went_on: WentOn,
) -> None:
    """Write the missing shards with Ray Data, on this machine or the cluster of `--ray-address`.

    The folder, and the images, must be reachable from every node.

    Raises:
        UserError: if Ray is not installed.
    """
    ray = _ray(settings)
    folder = CaptionFolder(settings.folder)
    folder.write_samples(samples)  # which the workers would otherwise read and check once more
    shards = ray.data.from_items(
        [{"shard": number} for number in missing], override_num_blocks=len(missing)
    )
    done = shards.map_batches(
        _Actor,
        fn_constructor_args=(settings,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(settings.workers, len(missing))),
        num_gpus=1 if ray.cluster_resources().get("GPU") else 0,
        num_cpus=1,
    )
    for row in done.iter_rows():
        went_on(int(row["captions"]))
    folder.samples.unlink(missing_ok=True)


def _ray(settings: ResolvedCaptionSettings) -> Any:
    try:
        import ray
        import ray.data
    except ImportError:
        raise UserError("--engine ray needs Ray Data: pip install 'balcap[scale]'") from None
    if not ray.is_initialized():
        ray.init(
            address=settings.ray_address,
            log_to_driver=False,
            logging_level="error",
            **({} if settings.ray_address else {"include_dashboard": False}),
        )
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # balcap shows how far it is
    return ray


ENGINES = {"local": local, "ray": on_ray}
