"""Sentence embeddings: unit length, kept, alike in any batch and thread."""

import threading

import numpy as np
import pytest
import torch

from balcap.errors import UserError
from balcap.heads.engines import embedding, packing
from balcap.heads.engines.embedding import Embedder, embedder

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

    def __getitem__(self, number):
        return None  # no BERT among its modules

    def tokenizer(self, texts, truncation, max_length):
        return {"input_ids": [text.split()[:max_length] for text in texts]}

    def encode(self, texts, **options):
        self.asked += texts
        return torch.tensor([[len(text), 1.0] for text in texts])


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


def test_a_model_that_cannot_be_packed_gets_one_length_at_a_time():
    """The counting encoder's tokens are words: one, three, one."""
    embed, asked = counting()
    rows = embed(["b", "a b c", "a"])
    assert asked == ["b", "a", "a b c"]
    np.testing.assert_allclose(rows[:, 0] / rows[:, 1], [1, 5, 1])


def test_packed_sentences_have_the_vectors_that_the_model_gives_them():
    encoder = embedding.load_encoder("auto", "cpu").float()
    assert packing.can_pack(encoder)
    texts = [*TEXTS, "A dog.", "Two dogs run over a green field towards a man with a red ball."]
    tokens = encoder.tokenizer(texts)["input_ids"]
    packed = packing.encode(encoder, tokens).numpy()
    encoder[0].auto_model.set_attn_implementation("sdpa")
    alone = np.stack([encoder.encode(text, show_progress_bar=False) for text in texts])
    np.testing.assert_allclose(packed, alone, atol=1e-6)


def test_a_short_sentence_alone_has_the_row_that_it_has_among_others():
    """In float32, where the arithmetic of a pass of few tokens is another one."""
    encoder = embedding.load_encoder("auto", "cpu").float()
    tokens = encoder.tokenizer(["Dogs.", *TEXTS])["input_ids"]
    assert len(tokens[0]) < packing.LEAST
    alone = packing.encode(encoder, tokens[:1])
    np.testing.assert_array_equal(alone[0], packing.encode(encoder, tokens)[0])


def test_passes_are_bounded_and_hold_every_text_once(monkeypatch):
    """Of 2, 3, 4 and 1 tokens, at least 5 in a pass: two and two."""
    monkeypatch.setattr(packing, "MOST", 5)
    monkeypatch.setattr(packing, "encode", lambda encoder, tokens: [len(own) for own in tokens])
    tokens = [[0] * length for length in (2, 3, 4, 1)]
    assert list(packing.passes(None, ["a", "b", "c", "d"], tokens)) == [
        (["a", "b"], [2, 3]),
        (["c", "d"], [4, 1]),
    ]


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
