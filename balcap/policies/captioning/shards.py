"""One shard of a data set, captioned: batch by batch, each at its own place and seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from balcap.policies.captioning.folder import CaptionFolder
from balcap.policies.generation import Sampling, write_captions
from balcap.policies.images import BadImageError, read_image
from balcap.policies.loading import Policy
from balcap.types import Caption, Sample

Row = dict[str, Any]

WENT_ON: Callable[[int], None] = lambda count: None  # noqa: E731
"""Told how many more samples are done."""


class ShardWriter:
    """Writes shards of one data set with one policy. Holds nothing that another one would need.

    Args:
        policy: who captions.
        sampling: how; `batch` is how many captions are written at once.
        size: samples in a shard, a multiple of the batch.
        folder: where the shards go.
    """

    def __init__(
        self,
        policy: Policy,
        sampling: Sampling,
        size: int,
        folder: CaptionFolder,
    ) -> None:
        self.policy = policy
        self.sampling = sampling
        self.size = size
        self.folder = folder

    def write(
        self, number: int, samples: Sequence[Sample], went_on: Callable[[int], None] = WENT_ON
    ) -> int:
        """Write a shard, whose samples these are, from the batch on at which it was left; returns
        how many they are."""
        file = self.folder.batches(number)
        done = {line["start"]: line["rows"] for line in self.folder.lines(file)}
        rows: list[Row] = []
        for first in range(0, len(samples), self.sampling.batch):
            start, batch = number * self.size + first, samples[first : first + self.sampling.batch]
            if start not in done:
                done[start] = self._captioned(start, batch)
                self.folder.append(file, [{"start": start, "rows": done[start]}])
            rows += done[start]
            went_on(len(batch))
        self.folder.write_shard(number, rows)
        return len(rows)

    def _captioned(self, start: int, samples: Sequence[Sample]) -> list[Row]:
        """One row a sample; of one whose image cannot be used, the reason in place of a caption."""
        # a batch draws from a stream of its own, so that it matters not who writes it, and when
        drawn = replace(self.sampling, seed=self.sampling.seed * 1_000_003 + start)
        faults: dict[str, str] = {}
        try:
            written = list(write_captions(self.policy, samples, drawn))
        except BadImageError:  # looked for only now: to open every image twice would cost as much
            faults = {s.id: fault for s in samples if (fault := self._fault(s))}
            good = [sample for sample in samples if sample.id not in faults]
            written = list(write_captions(self.policy, good, drawn)) if good else []
        captions = iter(written)
        return [
            bad_row(sample, faults[sample.id]) if sample.id in faults else row_of(next(captions))
            for sample in samples
        ]

    def _fault(self, sample: Sample) -> str:
        try:
            read_image(sample, self.policy.family)
        except BadImageError as error:
            return error.reason
        return ""


def row_of(caption: Caption) -> Row:
    """A caption as it is kept."""
    return {
        "id": caption.sample.id,
        "image": _name(caption.sample),
        "caption": caption.text,
        "tokens": caption.num_tokens,
        "finished": caption.finished,
        "error": None,
    }


def bad_row(sample: Sample, reason: str) -> Row:
    """A sample whose image cannot be used."""
    nothing = {"caption": None, "tokens": None, "finished": None}
    return {"id": sample.id, "image": _name(sample), **nothing, "error": reason}


def _name(sample: Sample) -> str | None:
    return str(sample.image) if isinstance(sample.image, Path) else None
