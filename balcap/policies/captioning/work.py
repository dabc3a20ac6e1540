"""What must a process know to write any shard, wherever it starts?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from balcap.config.caption import ResolvedCaptionSettings
from balcap.policies.captioning.folder import CaptionFolder
from balcap.policies.captioning.shards import ShardWriter
from balcap.policies.generation import Sampling, sampling_of
from balcap.policies.loading import load_to_write
from balcap.policies.origin import Origin
from balcap.types import Sample


@dataclass(frozen=True)
class Work:
    """One captioning, as other processes are told of it.

    Its paths are absolute: a worker of Ray may start in another folder.

    Attributes:
        settings: how captions are written; of its paths none is followed.
        origin: the policy that the captioning began with. By its name it may be another one by the
            time that a worker looks: a run that still trains writes checkpoints.
        folder: where the shards go.
    """

    settings: ResolvedCaptionSettings
    origin: Origin
    folder: Path

    @staticmethod
    def of(settings: ResolvedCaptionSettings, origin: Origin) -> Work:
        """The captioning that this process was asked for."""
        return Work(settings, origin, settings.folder.absolute())

    def shard(self, samples: Sequence[Sample], number: int) -> Sequence[Sample]:
        """A shard's samples, of all."""
        size = self.settings.shard_size
        return samples[number * size : (number + 1) * size]

    def writer(self) -> ShardWriter:
        """Load the policy; whoever does can write any shard.

        Raises:
            UserError: if the policy is not there any more.
        """
        asked = self.settings
        sampling = Sampling(sampling_of(asked), asked.max_tokens, asked.batch, asked.seed)
        policy = load_to_write(asked, self.origin.place())
        return ShardWriter(policy, sampling, asked.shard_size, CaptionFolder(self.folder))
