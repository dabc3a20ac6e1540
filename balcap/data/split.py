"""Which samples are held out?"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from balcap.types import Sample


def split_off(
    samples: Sequence[Sample], count: int, seed: int, root: Path
) -> tuple[list[Sample], list[Sample]]:
    """Split samples into those to train on and those held out; both keep their order.

    Held out are `count` samples, but never more than a fifth and, if `count` > 0 and there are two
    images, at least one. Which ones depends on the seed and on the names of the images (of the id,
    where an image has no file), not on the order of the rows. All samples of an image fall on the
    same side; so fewer than `count` may be held out, and more only if every image has more.
    """
    by_image = defaultdict(list)
    for index, sample in enumerate(samples):
        by_image[_image_name(sample, root)].append(index)
    wanted = min(count, max(1, len(samples) // 5))
    held: list[int] = []
    if count and len(by_image) > 1:
        in_order = sorted(by_image, key=lambda name: _rank(name, seed))
        for name in in_order:
            if len(held) + len(by_image[name]) <= wanted:
                held += by_image[name]
        held = held or min((by_image[name] for name in in_order), key=len)
    chosen = set(held)
    train = [sample for index, sample in enumerate(samples) if index not in chosen]
    return train, [samples[index] for index in sorted(chosen)]


def draw(samples: Sequence[Sample], count: int, seed: int) -> list[Sample]:
    """Return at most `count` samples, in order; which ones depends on seed and ids alone."""
    chosen = sorted(samples, key=lambda sample: _rank(sample.id, seed))[:count]
    ids = {sample.id for sample in chosen}
    return [sample for sample in samples if sample.id in ids]


def _image_name(sample: Sample, root: Path) -> str:
    # Relative to the root: the same split wherever the data is kept.
    image = sample.image
    return image.relative_to(root).as_posix() if isinstance(image, Path) else sample.id


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
