"""Make a random policy whose vocabulary is that of the shapes world: `fresh.py FAMILY FOLDER`."""

import random
import sys
from pathlib import Path

from balcap.config import DataSettings, ShapesSettings
from balcap.data import shapes
from balcap.data.shapes.imperfect import cells, imperfect
from balcap.policies.families import FAMILIES
from balcap.policies.random_init import make

name, folder = sys.argv[1:]  # such as qwen2.5-vl
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
[family] = [one for one in FAMILIES.values() if one.tiny == f"tiny-{name}"]
make(family, texts, Path(folder))
