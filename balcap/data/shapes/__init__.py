"""The shapes world: an endless, seeded supply of rendered scenes whose truth is known exactly."""

from __future__ import annotations

import random
from collections.abc import Iterator

from balcap.config import DataSettings
from balcap.data.shapes.imperfect import cells, imperfect, keywords, poor
from balcap.data.shapes.language import facts, questions, reference
from balcap.data.shapes.scene import Scene, draw_scene
from balcap.types import Sample


def load(settings: DataSettings) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Return training and held-out samples, which never show the same scene.

    The number of training scenes is `settings.shapes.train`, of held-out ones
    `settings.eval_samples`; `settings.shapes.seed` chooses the world. Both are the beginning of
    an endless row, so a smaller number gives the first of the same samples.
    """
    world = settings.shapes
    train = _scenes(world.seed, held_out=False, count=world.train)
    held_out = _scenes(world.seed, held_out=True, count=settings.eval_samples)
    return (
        tuple(_sample(settings, "train", i, scene) for i, scene in enumerate(train)),
        tuple(_sample(settings, "held-out", i, scene) for i, scene in enumerate(held_out)),
    )


def _scenes(seed: int, *, held_out: bool, count: int) -> Iterator[Scene]:
    """Draw `count` different scenes that are, or are not, of the held-out tenth."""
    rng = random.Random(f"shapes-{seed}-{held_out}")
    seen: set[str] = set()
    while len(seen) < count:
        scene = draw_scene(rng)
        if scene.held_out() == held_out and scene.key not in seen:
            seen.add(scene.key)
            yield scene


def _sample(settings: DataSettings, split: str, index: int, scene: Scene) -> Sample:
    name = f"shapes-{settings.shapes.seed}-{split}-{index}"
    rng = random.Random(name)
    asked = questions(scene, rng)
    poorly = settings.shapes.references == "poor" and split == "train"
    written = {
        "reference": (lambda scene: poor(scene, rng)) if poorly else reference,
        "imperfect": lambda scene: imperfect(scene, rng),
        "keywords": keywords,
        "cells": cells,
    }[settings.shapes.captions](scene)
    return Sample(
        id=name,
        prompt=settings.prompt,
        image=scene,
        reference=written,
        facts=facts(scene),
        questions=asked,
        metadata={"scene": scene},
    )
