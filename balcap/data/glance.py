"""What is known of all samples, without making each of millions?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from balcap.data.images import digest, header_size
from balcap.data.kept.samples import KeptSamples
from balcap.text import word_count
from balcap.types import Sample


def chosen(samples: Sequence[Sample], places: Sequence[int]) -> Sequence[Sample]:
    """The samples at some places, in that order."""
    if isinstance(samples, KeptSamples):
        return samples.of(np.asarray(places, dtype=np.int64))
    return tuple(samples[place] for place in places)


def sizes(samples: Sequence[Sample]) -> Iterator[tuple[int, int] | None]:
    """Width and height of each sample's image in pixels, by its header; None where unknown."""
    if not isinstance(samples, KeptSamples):
        return map(header_size, samples)
    pairs = zip(samples.column("width"), samples.column("height"), strict=True)
    return ((w.as_py(), h.as_py()) if w.as_py() else None for w, h in pairs)


def prompts(samples: Sequence[Sample]) -> Iterator[str]:
    """What is asked of each sample."""
    if not isinstance(samples, KeptSamples):
        return (sample.prompt for sample in samples)
    return (cell.as_py() for cell in samples.column("prompt"))


def longest_reference(samples: Sequence[Sample]) -> int:
    """Words of the longest reference; 0 if there is none."""
    if isinstance(samples, KeptSamples):
        return int(np.max(samples.column("words"), initial=0))
    return max((word_count(s.reference) for s in samples if s.reference), default=0)


def referenced(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Those that have a reference."""
    if isinstance(samples, KeptSamples):
        return samples.of(np.flatnonzero(samples.column("words")))
    return tuple(sample for sample in samples if sample.reference)


def pictures(samples: Sequence[Sample], root: Path) -> list[str]:
    """The name of each sample's image below the root; the sample's id where it is in no file."""
    if not isinstance(samples, KeptSamples):
        return [_picture(sample, root) for sample in samples]
    names = samples.column("picture").to_pylist()
    return [name or own for name, own in zip(names, samples.column("id").to_pylist(), strict=True)]


def contents(samples: Sequence[Sample], root: Path) -> dict[str, bytes]:
    """A digest of the image of each name; images that cannot be read have none, and those of kept
    samples that are unlike all others neither."""
    if isinstance(samples, KeptSamples):
        alike = samples.of(samples.repeated("content"))
        found = alike.column("content").to_pylist()
        return dict(zip(pictures(alike, root), found, strict=True))
    names = pictures(samples, root)
    images = {name: sample.image for name, sample in zip(names, samples, strict=True)}
    with ThreadPoolExecutor() as threads:
        digests = threads.map(digest, images.values())
        return {name: found for name, found in zip(images, digests, strict=True) if found}


def by_id(*groups: Sequence[Sample]) -> Mapping[str, Sample]:
    """The samples of all groups by their ids, each made when it is asked for."""
    return _ById(groups)


class _ById(Mapping[str, Sample]):
    def __init__(self, groups: Sequence[Sequence[Sample]]) -> None:
        self._groups = groups
        self._places = {
            name: (group, place)
            for group, samples in enumerate(groups)
            for place, name in enumerate(ids(samples))
        }

    def __getitem__(self, name: str) -> Sample:
        group, place = self._places[name]
        return self._groups[group][place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def ids(samples: Sequence[Sample]) -> Iterator[str]:
    """Each sample's id."""
    if not isinstance(samples, KeptSamples):
        return (sample.id for sample in samples)
    return (cell.as_py() for cell in samples.column("id"))


def _picture(sample: Sample, root: Path) -> str:
    # Relative to the root: the same split wherever the data is kept.
    image = sample.image
    return image.relative_to(root).as_posix() if isinstance(image, Path) else sample.id
