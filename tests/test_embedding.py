"""Sentence embeddings: unit length, kept, alike in any batch and thread."""

import threading

import numpy as np
import pytest

from balcap.errors import UserError
from balcap.heads.engines import embedding
from balcap.heads.engines.embedding import Embedder, batches, embedder

TEXTS = [
    f"A {size} {colour} circle is at the top{more}."
    for size in ("large", "small")
    for colour in ("red", "blue")
    for more in ("", " left", " right corner of the picture")
]


def test_rows_have_length_1_and_equal_texts_equal_rows():
    rows = embedder()([*TEXTS, TEXTS[0]])
    assert rows.shape == (len(TEXTS) + 1, 384)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(rows[0], rows[-1])
    assert embedder()([]).shape == (0, 0)


def test_a_text_has_the_same_row_whatever_stands_beside_it():
    many = Embedder()
    encoder = many._encoder = shared_encoder()
    together = many(TEXTS)
    for text, row in zip(TEXTS, together, strict=True):
        alone = Embedder()
        alone._encoder = encoder
        np.testing.assert_array_equal(alone([text])[0], row)


def shared_encoder():
    """The encoder of the shared instance: loading one costs more than the test."""
    embedder()(TEXTS[:1])
    return embedder()._encoder


class CountingEncoder:
    """Embeds a text as its length, and keeps what it was asked for."""

    max_seq_length = 8

    def __init__(self):
        self.asked = []

    def tokenizer(self, texts, truncation, max_length):
        return {"input_ids": [text.split()[:max_length] for text in texts]}

    def encode(self, texts, **options):
        self.asked += texts
        return np.array([[len(text), 1.0] for text in texts])


def counting(memo=100):
    embed = Embedder(memo=memo)
    embed._encoder = CountingEncoder()
    return embed, embed._encoder.asked


def test_each_text_is_embedded_once_also_from_several_threads():
    embed, asked = counting()
    threads = [threading.Thread(target=embed, args=(TEXTS[i:],)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked) == sorted(TEXTS)


def test_the_memo_is_bounded_and_keeps_what_was_used_last():
    embed, asked = counting(memo=2)
    rows = embed(["a", "bb", "ccc", "a"])  # more at once than are kept
    np.testing.assert_allclose(rows[:, 0] / rows[:, 1], [1, 2, 3, 1])
    assert len(embed._memo) == 2
    asked.clear()
    embed(["ccc", "a"])
    assert asked == []
    embed(["bb"])
    assert asked == ["bb"]


def test_batches_hold_one_length_each_and_every_text_once():
    parts = list(batches(["a", "b", "c", "d"], [1, 2, 1, 1], size=2))
    assert parts == [["a", "c"], ["d"], ["b"]]


def test_one_instance_is_shared_for_a_model_and_a_device():
    assert embedder() is embedder("auto", "auto")
    assert embedder("some/model") is not embedder()


def test_a_model_out_of_reach_is_the_users_to_mend(tmp_path):
    with pytest.raises(UserError, match=r"no such folder; set a folder, a hub id, or `auto`"):
        Embedder(str(tmp_path / "none"))(["A dog."])
    with pytest.raises(UserError, match=r"cannot load .*pip install 'balcap\[demo\]'"):
        Embedder(str(tmp_path))(["A dog."])  # a folder without a model


def test_without_the_package_the_hub_is_asked(monkeypatch):
    monkeypatch.setattr(embedding, "find_spec", lambda name: None)
    assert embedding._source("auto") == "sentence-transformers/all-MiniLM-L6-v2"
