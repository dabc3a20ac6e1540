"""Which samples have reference captions to compare with?"""

from __future__ import annotations

from collections.abc import Sequence

from balcap.config import DataSettings, ShapesSettings
from balcap.config.evaluate_more import ClassicalSettings
from balcap.data import load
from balcap.sample import Sample

SCENES = 300  # of the built-in world, unless a limit is given


def referenced_samples(settings: ClassicalSettings, *, need_images: bool) -> Sequence[Sample]:
    """All samples of `settings.data`, or the held-out scenes of the built-in world.

    Raises:
        UserError: see `balcap.data.load`.
    """
    shapes = settings.data == "shapes"
    loaded = load(
        DataSettings(
            data=settings.data,
            image_root=settings.image_root,
            prompt=settings.prompt,
            columns=settings.columns,
            eval_samples=(settings.limit or SCENES) if shapes else 0,
            shapes=ShapesSettings(train=1, seed=settings.world),
        ),
        need_images=need_images,
    )
    return (loaded.held_out if shapes else loaded.train)[: settings.limit]


def references(sample: Sample) -> tuple[str, ...]:
    """All reference captions of a sample, as COCO has five; empty where it has none."""
    several = sample.metadata.get("captions")
    found = several if isinstance(several, list) else [sample.reference]
    return tuple(text for text in found if isinstance(text, str) and text.strip())
