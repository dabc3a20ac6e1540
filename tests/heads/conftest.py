"""A toy embedding for laws, and the shapes world for measured numbers."""

import random

import numpy as np
import pytest

from balcap.config import DataSettings, ShapesSettings
from balcap.data import shapes
from balcap.data.shapes.imperfect import imperfect
from balcap.text import words

SCENES = 40


def words_as_vectors(texts):
    """Unit vectors with one axis a word: the cosine is the share of words in common."""
    known = {word: i for i, word in enumerate(sorted({w for text in texts for w in words(text)}))}
    rows = np.zeros((len(texts), max(1, len(known))), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in set(words(text)):
            row[known[word]] = 1.0
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths == 0, 1, lengths)


@pytest.fixture
def word_embedding(monkeypatch):
    """Let qa and cov compare by words in common, without a model."""
    for head in ("qa", "cov"):
        monkeypatch.setattr(
            f"balcap_rewards.{head}.embedder", lambda model, device: words_as_vectors
        )


@pytest.fixture(scope="session")
def scenes():
    world = DataSettings(shapes=ShapesSettings(train=SCENES), eval_samples=0)
    return shapes.load(world)[0]


@pytest.fixture(scope="session")
def texts(scenes):
    """Captions of the scenes by kind: one list a kind, in the order of the scenes."""
    rng = random.Random(1)
    references = [sample.reference for sample in scenes]
    written = {
        style: [imperfect(sample.metadata["scene"], rng, style) for sample in scenes]
        for style in ("tele", "ramble", "decent", "short")
    }
    return {
        "reference": references,
        "other image": [*references[1:], references[0]],
        "vague": ["A picture with some shapes."] * len(scenes),
        "empty": [""] * len(scenes),
        "twice": [f"{text} {text}" for text in references],
        "shuffled": [" ".join(rng.sample(t.split(), len(t.split()))) for t in references],
        **written,
    }


@pytest.fixture
def mean_score(scenes, texts):
    """Mean score that a head gives to the captions of a kind."""
    from balcap.types import Caption

    def mean(head, kind):
        captions = [Caption(s, t) for s, t in zip(scenes, texts[kind], strict=True)]
        return float(np.mean(head.score(captions)))

    return mean
