"""The text decoder of a small policy, a token at a time: few calls, and a cache of fixed size.

It computes what transformers' modules compute. Three projections are one matrix product, residuals
are added by the products themselves, and a key's two halves are turned as one complex number, for
which its coordinates are put in pairs: a dot product does not depend on their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Layer(NamedTuple):
    """Weights [in, out] of one layer; `qkv` has the heads' coordinates of q and k in pairs."""

    before_attention: Tensor
    qkv: Tensor
    qkv_bias: Tensor | None
    out: Tensor
    before_mlp: Tensor
    gate_up: Tensor
    down: Tensor


KNOWN = ("LlamaModel", "Qwen2_5_VLTextModel")
"""Decoders of layers as they are computed here: others may have a norm more, or one matrix less."""


def fits(model: Any) -> bool:
    """Whether a policy's decoder is one that is known here, in float32 on a CPU, of plain weights:
    adapters on them are not known."""
    text = _text_model(model)
    if type(text).__name__ not in KNOWN:
        return False
    if model.device.type != "cpu" or model.dtype != torch.float32:
        return False
    config = text.config
    rope = getattr(config, "rope_parameters", None) or {}
    return (
        config.hidden_act == "silu"
        and rope.get("rope_type") == "default"
        and not getattr(config, "use_sliding_window", False)
        and not (model.training and getattr(config, "attention_dropout", 0.0))
        and all(type(linear) is nn.Linear for linear in _linears(model, text))
    )


class Decoder:
    """One batch of captions being written.

    Args:
        model: a policy that `fits`; its weights are those of this moment.
        cache: what transformers keeps of the prompts, [N, heads, prompt, D] a layer.
        rows: [B] which of the N prompts each caption has.
        positions: [..., B, T] of the tokens to come, as the model's rotary embedding takes them.
        mask: [B, prompt], 0 where a prompt is padded; None: none is.
    """

    def __init__(
        self, model: Any, cache: Any, rows: Tensor, positions: Tensor, mask: Tensor | None
    ) -> None:
        text = _text_model(model)
        self._embedding, self._head = text.embed_tokens.weight, model.lm_head.weight.t()
        self._last = text.norm.weight
        self._epsilon = text.config.rms_norm_eps
        self._layers = [_layer(layer, _head_size(text)) for layer in text.layers]
        cos, sin = text.rotary_emb(self._embedding, positions)
        half = cos.shape[-1] // 2
        self._turns = torch.complex(cos[..., :half], sin[..., :half])  # [B, T, D / 2]
        more = self._turns.shape[1]
        self._keys, self._values = [], []
        for kept in cache.layers:
            self._keys.append(_roomier(_in_pairs(kept.keys)[rows], more))
            self._values.append(_roomier(kept.values[rows], more))
        self._began = self._length = cache.layers[0].keys.shape[2]
        self._bias = None if mask is None else _bias(mask, more)

    def step(self, tokens: Tensor) -> Tensor:
        """Take one token of each caption, [B]; returns the next one's logits, [B, vocabulary]."""
        size = self._embedding.shape[1]
        turn = self._turns[:, self._length - self._began].unsqueeze(1)
        self._length += 1
        x = functional.embedding(tokens, self._embedding)
        for number, layer in enumerate(self._layers):
            normed = functional.rms_norm(x, (size,), layer.before_attention, self._epsilon)
            attended = self._attend(number, layer, normed, turn)
            x = torch.addmm(x, attended, layer.out)
            normed = functional.rms_norm(x, (size,), layer.before_mlp, self._epsilon)
            gate, up = (normed @ layer.gate_up).chunk(2, dim=1)
            x = torch.addmm(x, functional.silu(gate) * up, layer.down)
        logits: Tensor = functional.rms_norm(x, (size,), self._last, self._epsilon) @ self._head
        return logits

    def keep(self, rows: Tensor) -> None:
        """Go on with these captions only, by their places among those that there are."""
        self._keys = [keys[rows] for keys in self._keys]
        self._values = [values[rows] for values in self._values]
        self._turns = self._turns[rows]
        if self._bias is not None:
            self._bias = self._bias[rows]

    def _attend(self, number: int, layer: _Layer, x: Tensor, turn: Tensor) -> Tensor:
        keys, values = self._keys[number], self._values[number]
        rows, heads, _, size = keys.shape
        product = (
            x @ layer.qkv if layer.qkv_bias is None else torch.addmm(layer.qkv_bias, x, layer.qkv)
        )
        own = heads * size
        asking, new_values = product[:, :-own], product[:, -own:]
        pairs = torch.view_as_complex(asking.view(rows, -1, size // 2, 2))
        turned = torch.view_as_real(pairs * turn).flatten(2)  # [B, heads of q and k, D]
        now = self._length
        keys[:, :, now - 1] = turned[:, -heads:]
        values[:, :, now - 1] = new_values.view(rows, heads, size)
        found = functional.scaled_dot_product_attention(
            turned[:, :-heads].unsqueeze(2),
            keys[:, :, :now],
            values[:, :, :now],
            attn_mask=None if self._bias is None else self._bias[..., :now],
            enable_gqa=turned.shape[1] > 2 * heads,
        )
        return found.reshape(rows, -1)


def _text_model(model: Any) -> Any:
    return getattr(getattr(model, "model", None), "language_model", None)


def _linears(model: Any, text: Any) -> Iterator[Any]:
    yield model.lm_head
    for layer in text.layers:
        attention, mlp = layer.self_attn, layer.mlp
        yield from (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj)
        yield from (mlp.gate_proj, mlp.up_proj, mlp.down_proj)


def _head_size(text: Any) -> int:
    size: int = text.layers[0].self_attn.head_dim
    return size


def _layer(layer: Any, size: int) -> _Layer:
    attention, mlp = layer.self_attn, layer.mlp
    asking = torch.cat(
        [_paired_rows(it.weight, size) for it in (attention.q_proj, attention.k_proj)]
    )
    bias = None
    if attention.v_proj.bias is not None:
        biases = [_paired_rows(it.bias, size) for it in (attention.q_proj, attention.k_proj)]
        bias = torch.cat([*biases, attention.v_proj.bias])
    return _Layer(
        before_attention=layer.input_layernorm.weight,
        qkv=torch.cat([asking, attention.v_proj.weight]).t().contiguous(),
        qkv_bias=bias,
        out=attention.o_proj.weight.t(),
        before_mlp=layer.post_attention_layernorm.weight,
        gate_up=torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]).t().contiguous(),
        down=mlp.down_proj.weight.t(),
    )


def _paired_rows(weight: Tensor, size: int) -> Tensor:
    """Rows of a projection, [heads x D, ...], reordered as `_in_pairs` does it."""
    heads = weight.reshape(-1, 2, size // 2, *weight.shape[1:])
    return heads.transpose(1, 2).flatten(0, 2)


def _in_pairs(keys: Tensor) -> Tensor:
    """[..., D] with coordinate i beside i + D / 2, with which rotary embeddings turn it."""
    halves = keys.view(*keys.shape[:-1], 2, -1)
    return halves.transpose(-2, -1).flatten(-2)


def _roomier(kept: Tensor, more: int) -> Tensor:
    """[B, heads, prompt, D] with room for so many tokens behind the prompt."""
    return functional.pad(kept, (0, 0, 0, more))


def _bias(mask: Tensor, more: int) -> Tensor:
    """[B, 1, 1, prompt + more]: minus infinity where a prompt is padded, else 0."""
    padded = functional.pad(mask, (0, more), value=1)
    return torch.zeros(padded.shape).masked_fill(padded == 0, -torch.inf)[:, None, None]
