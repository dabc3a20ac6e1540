"""Which sample is captioned when, and as what does TRL see it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from datasets import Dataset
from trl import GRPOConfig

from balcap.training.image_reader import ImageReader, as_row
from balcap.training.row_transform import RowTransform
from balcap.types import Sample


def sampling_order(samples: int, args: GRPOConfig) -> list[int]:
    """Which sample is captioned at each turn of a training: one shuffled pass after the other.

    TRL's own order is the same, but its sampler forgets on resuming how many passes are over, and
    begins the first one again.

    Raises:
        ValueError: if there are fewer samples than groups in a batch.
    """
    groups = args.generation_batch_size // args.num_generations
    if samples < groups:
        raise ValueError(
            f"{samples} samples are fewer than the {groups} groups of a batch; give at least "
            f"{groups}, or a batch of at most {samples * args.num_generations} captions"
        )
    rng = torch.Generator().manual_seed(args.seed)
    order: list[int] = []
    while len(order) < args.max_steps * groups:
        one_pass: list[int] = torch.randperm(samples, generator=rng).tolist()
        order += one_pass[: samples // groups * groups]  # a batch never straddles two passes
    return order


def as_dataset(samples: Sequence[Sample], order: Sequence[int], images: ImageReader) -> Dataset:
    """Samples as TRL wants them: conversations, with the image opened when its row is read.

    Args:
        samples: with images.
        order: index into `samples` for each row; the row's number is its `turn`.
        images: opens them; one that cannot be used is the reason why (`ImageReader.agreed`).
    """

    def opened(batch: Mapping[str, list[int]]) -> dict[str, list[Any]]:
        made = [as_row(samples[row], row, images.read(row)) for row in batch["row"]]
        columns = {name: [row[name] for row in made] for name in ("row", "prompt", "image")}
        return {"turn": batch["turn"], **columns}

    rows = {"turn": list(range(len(order))), "row": list(order)}
    return Dataset.from_dict(rows).with_transform(RowTransform(opened))
