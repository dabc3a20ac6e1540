"""Which samples are held out?"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence


def split_off(
    images: Sequence[str], count: int, seed: int, same: Mapping[str, str]
) -> tuple[list[int], list[int]]:
    """Split samples into those to train on and those held out; both keep their order.

    Held out are `count` samples, but never more than a fifth and, if `count` > 0 and there are two
    images, at least one. Which ones depends on the seed and on the names of the images (of the id,
    where an image has no file), not on the order of the rows. All samples of an image fall on the
    same side; so fewer than `count` may be held out, and more only if every image has more.

    Args:
        images: the name of each sample's image.
        count: how many to hold out.
        seed: which ones.
        same: of `same_pictures`; images of different names are different if it is empty.

    Returns:
        Places in `images`.
    """
    if same:
        images = [same.get(name, name) for name in images]
    samples_of = Counter(images)
    wanted = min(count, max(1, len(images) // 5))
    held: set[str] = set()
    if count and len(samples_of) > 1:
        in_order = sorted(samples_of, key=lambda name: _rank(name, seed))
        left = wanted
        for name in in_order:
            if samples_of[name] <= left:
                held.add(name)
                left -= samples_of[name]
        held = held or {min(in_order, key=samples_of.__getitem__)}
    train = [place for place, name in enumerate(images) if name not in held]
    return train, [place for place, name in enumerate(images) if name in held]


def draw(ids: Sequence[str], count: int, seed: int) -> list[int]:
    """Return the places of at most `count` ids, in order; which ones depends on seed and ids."""
    places = sorted(range(len(ids)), key=lambda place: _rank(ids[place], seed))[:count]
    return sorted(places)


def same_pictures(contents: Mapping[str, bytes]) -> dict[str, str]:
    """Images that are, byte for byte, another one under another name.

    Args:
        contents: a digest of each image, by its name.

    Returns:
        Their names, each with that of the first of them in the order of the names; empty where all
        images are different.
    """
    first: dict[bytes, str] = {}
    same = {}
    for name in sorted(contents):
        if first.setdefault(contents[name], name) != name:
            same[name] = first[contents[name]]
    return same


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
