"""Sentences of every length in one pass of a BERT, without padding.

They stand one behind the other in one row, so that each layer is one matrix product, and each
attends to itself alone. A sentence's vector is the same, to the last bit, whatever is beside it
(measured: 600 clauses alone, seven by seven and all at once, in bfloat16 and in float32), so that a
score does not hang on the order of a batch; with padding 80 of 90 were. A clause took 1.3 ms, where
batches of one length took 2.8 (one core, bfloat16).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

ATTENTION = "balcap_by_sentence"
LEAST = 16
"""Tokens from which a pass's arithmetic does not depend on how many there are: in float32 four
sentences of three tokens, alone, differed in the last bit."""

MOST = 4096
"""Tokens in a pass: 50 MB of the widest numbers between two layers. Ours."""

Groups = Sequence[tuple[int, int]]
"""How many sentences of how many tokens stand one behind the other."""


def can_pack(encoder: Any) -> bool:
    """Whether a SentenceTransformer is a BERT on a CPU: others count positions in their own way,
    and on a GPU there is little to win."""
    first = encoder[0]
    kind = getattr(getattr(getattr(first, "auto_model", None), "config", None), "model_type", None)
    return kind == "bert" and encoder.device.type == "cpu"


def prepare(encoder: Any) -> None:
    """Let the attention of a model that `can_pack` keep to one sentence, in passes of `encode`."""
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION, _attend)
    encoder[0].auto_model.set_attn_implementation(ATTENTION)


def passes(
    encoder: Any, texts: Sequence[str], tokens: Sequence[Sequence[int]]
) -> Iterator[tuple[Sequence[str], Any]]:
    """Embed texts, at least one, about `MOST` tokens at a time: yields texts and their vectors."""
    start, length = 0, 0
    for end, own in enumerate(tokens, 1):
        length += len(own)
        if length >= MOST or end == len(tokens):
            yield texts[start:end], encode(encoder, tokens[start:end])
            start, length = end, 0


def encode(encoder: Any, tokens: Sequence[Sequence[int]]) -> Any:
    """Embed sentences.

    Args:
        encoder: prepared by `prepare`.
        tokens: of each of N sentences, at least one.

    Returns:
        [N, D] tensor, in the encoder's number format.
    """
    import torch

    order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
    placed = [tokens[i] for i in order]
    missing = LEAST - sum(map(len, placed))
    while missing > 0:  # what is put behind is read, and forgotten
        placed.append(placed[-1])
        missing -= len(placed[-1])
    groups = [(len([*alike]), length) for length, alike in groupby(map(len, placed))]
    ids = _row(token for sentence in placed for token in sentence)
    positions = _row(place for sentence in placed for place in range(len(sentence)))
    with torch.inference_mode():
        read = encoder[0].auto_model(
            input_ids=ids,
            position_ids=positions,
            token_type_ids=torch.zeros_like(ids),
            balcap_groups=groups,
        )
        vectors = torch.cat(_pooled(encoder, read.last_hidden_state[0], groups))[: len(tokens)]
        return vectors[torch.tensor(order).argsort()]


def _row(numbers: Iterable[int]) -> Any:
    import torch

    return torch.tensor([*numbers])[None]


def _pooled(encoder: Any, states: Any, groups: Groups) -> list[Any]:
    """What the encoder's other modules make of tokens' vectors, [T, D]: [n, D] of each group."""
    import torch

    found = []
    sizes = [count * length for count, length in groups]
    for group, (count, length) in zip(states.split(sizes), groups, strict=True):
        features = {
            "token_embeddings": group.unflatten(0, (count, length)),
            "attention_mask": torch.ones(count, length, dtype=torch.long),
        }
        for module in list(encoder)[1:]:
            features = module(features)
        found.append(features["sentence_embedding"])
    return found


def _attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any = None,
    *,
    scaling: float | None = None,
    balcap_groups: Groups = (),
    **_: Any,
) -> tuple[Any, None]:
    """Attention of a layer: [1, heads, T, D] each; returns [1, T, heads, D], and no weights."""
    from torch import cat
    from torch.nn.functional import scaled_dot_product_attention

    found, start = [], 0
    for count, length in balcap_groups:
        end = start + count * length
        alike = [
            it[0, :, start:end].unflatten(1, (count, length)).transpose(0, 1)
            for it in (query, key, value)
        ]
        queries, keys, values = alike
        attended = scaled_dot_product_attention(queries, keys, values, scale=scaling)
        found.append(attended.transpose(1, 2).flatten(0, 1))
        start = end
    return cat(found)[None], None
