"""Which samples are held out?"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from balcap.data.tables import StoredImage
from balcap.types import Sample


def split_off(
    samples: Sequence[Sample],
    count: int,
    seed: int,
    root: Path,
    same: Mapping[str, str] | None = None,
) -> tuple[list[Sample], list[Sample]]:
    """Split samples into those to train on and those held out; both keep their order.

    Held out are `count` samples, but never more than a fifth and, if `count` > 0 and there are two
    images, at least one. Which ones depends on the seed and on the names of the images (of the id,
    where an image has no file), not on the order of the rows. All samples of an image fall on the
    same side; so fewer than `count` may be held out, and more only if every image has more.

    Args:
        samples: of a file.
        count: how many to hold out.
        seed: which ones.
        root: folder that the names of the images are relative to.
        same: of `same_pictures`; default: images of different names are different.
    """
    same = same or {}
    by_image = defaultdict(list)
    for index, sample in enumerate(samples):
        name = image_name(sample, root)
        by_image[same.get(name, name)].append(index)
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


def same_pictures(samples: Sequence[Sample], root: Path) -> dict[str, str]:
    """Images that are, byte for byte, another one under another name.

    Reads every file once.

    Returns:
        Their names, each with that of the first of them in the order of the names; empty where all
        images are different.
    """
    images = {image_name(sample, root): sample.image for sample in samples}
    first: dict[bytes, str] = {}
    same = {}
    names = sorted(images)
    with ThreadPoolExecutor() as threads:
        digests = threads.map(_digest, (images[name] for name in names))
        for name, digest in zip(names, digests, strict=True):
            if digest and first.setdefault(digest, name) != name:
                same[name] = first[digest]
    return same


def _digest(image: object) -> bytes:
    """SHA-256 of an image's file; nothing for one that has none, or is gone."""
    try:
        if isinstance(image, Path):
            return hashlib.sha256(image.read_bytes()).digest()
        if isinstance(image, StoredImage):
            return hashlib.sha256(image.data()).digest()
    except OSError:
        pass
    return b""


def image_name(sample: Sample, root: Path) -> str:
    """The name of a sample's image below the root; the sample's id where it is in no file."""
    # Relative to the root: the same split wherever the data is kept.
    image = sample.image
    return image.relative_to(root).as_posix() if isinstance(image, Path) else sample.id


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
