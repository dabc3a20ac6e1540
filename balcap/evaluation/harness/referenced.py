"""Which samples have reference captions to compare with?"""

from __future__ import annotations

from collections.abc import Sequence

from balcap.config import DataSettings, ReferencedSettings, ShapesSettings
from balcap.data import load
from balcap.data.formats import offered
from balcap.types import Sample

UNUSABLE_ROW = "unusable row of the data"
"""In `Items.left_out`."""

SCENES = 300  # of the built-in world, unless a limit is given


def referenced_samples(
    settings: ReferencedSettings, *, need_images: bool = True
) -> tuple[Sequence[Sample], int]:
    """All samples of a file, or the held-out scenes of the built-in world.

    Returns:
        The samples, and how many rows of the file are none (of up to 5 in 100; more are refused).

    Raises:
        UserError: see `balcap.data.load`.
    """
    shapes = settings.data == "shapes"
    named = shapes or settings.data.partition(":")[0] in offered()
    loaded = load(
        DataSettings(
            data=settings.data if named else f"records:{settings.data}",
            image_root=settings.image_root,
            prompt=settings.prompt,
            columns=settings.columns,
            check_images="header",
            eval_samples=(settings.limit or SCENES) if shapes else 0,
            shapes=ShapesSettings(train=1, seed=settings.world),
        ),
        need_images=need_images,
    )
    samples = loaded.held_out if shapes else loaded.train
    return samples[: settings.limit], 0 if settings.limit else len(loaded.problems)


def references(sample: Sample) -> tuple[str, ...]:
    """All reference captions of a sample, as COCO has five; empty where it has none."""
    several = sample.metadata.get("captions")
    found = several if isinstance(several, list) else [sample.reference]
    return tuple(text for text in found if isinstance(text, str) and text.strip())
