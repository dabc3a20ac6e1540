"""A new, random policy of a family, small enough to train on a laptop.

The real transformers classes at about 0.8 M parameters, with a word vocabulary learned from given
texts. The embedded policies began as these; tests use them too.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from balcap.policies.families import Family


def make(family: Family, texts: Iterable[str], folder: Path, *, seed: int = 0) -> None:
    """Write a random policy of a family, with tokenizer and processor, to a folder.

    Args:
        family: which transformers classes.
        texts: what the vocabulary is learned from; a frequent word becomes one token.
        folder: where to; made if missing.
        seed: of the weights.
    """
    import torch

    torch.manual_seed(seed)
    processor, model = family.random_init(texts)
    processor.save_pretrained(folder)
    model.save_pretrained(folder)
