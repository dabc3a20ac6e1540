"""Make a random policy whose vocabulary is that of the shapes world: `fresh.py FAMILY FOLDER`."""

import random
import sys
from pathlib import Path

from balcap.config import DataSettings, ShapesSettings
from balcap.data import shapes
from balcap.data.shapes.imperfect import cells, imperfect
from balcap.policies.random_init import make

family, folder = sys.argv[1:]
samples, _ = shapes.load(DataSettings(eval_samples=0, shapes=ShapesSettings(train=2000)))
rng = random.Random(0)
texts = [
    text
    for sample in samples
    for text in (
        sample.prompt,
        sample.reference or "",
        cells(sample.metadata["scene"]),
        imperfect(sample.metadata["scene"], rng),
    )
]
make(family, texts, Path(folder))  # type: ignore[arg-type]  # make() names what is allowed
