"""How does a small policy on a CPU write? By transformers' rules, with a loop of few calls."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from balcap.policies.small import decoder
from balcap.policies.small.rows import distinct
from balcap.policies.threads import is_small

CACHE_NAMES = ("cache", "past_key_values")
"""Of what the prompts leave behind, in newer and older transformers."""

FEWER = 0.75
"""Share of the captions that are not whole yet at which the others are left out. Ours."""


def write_by_own_loop(model: Any) -> None:
    """Let a small policy's `generate` write with the loop of this room wherever it can.

    What it writes is what transformers writes: the same greedy tokens, and by the same random
    numbers the same draws, but for logits that differ in the seventh digit.

    Args:
        model: of a policy. One that is not small stays as it is.
    """
    if is_small(model):
        model.generate = partial(_generate, model)


def _generate(model: Any, *args: Any, **kwargs: Any) -> Any:
    """`model.generate`, with transformers' own loop for what this one does not know: adapters, a
    GPU, several processes in step, beams, anything but tokens as the answer."""
    if not args and _is_known(kwargs) and decoder.fits(model):
        given = {name: value for name, value in kwargs.items() if isinstance(value, Tensor)}
        few, rows = distinct(given)
        kwargs |= few | {"custom_generate": partial(_loop, rows=rows)}
    return type(model).generate(model, *args, **kwargs)


def _is_known(kwargs: dict[str, Any]) -> bool:
    how = kwargs.get("generation_config")
    return (
        how is not None
        and (how.num_beams or 1) == (how.num_return_sequences or 1) == 1
        and not how.return_dict_in_generate
        and not kwargs.get("synced_gpus")
        and not kwargs.keys() & {"custom_generate", "streamer", "assistant_model", *CACHE_NAMES}
    )


def _loop(
    model: Any,
    input_ids: Tensor,
    logits_processor: Any,
    stopping_criteria: Any,
    generation_config: Any,
    *,
    rows: Tensor,
    **inputs: Any,
) -> Tensor:
    """Write captions after prompts, in the place of transformers' `_sample`.

    Args:
        model: a policy whose decoder `fits`.
        input_ids: [N, prompt].
        logits_processor: of transformers: what tempers, penalises and cuts.
        stopping_criteria: of transformers: when a caption is whole.
        generation_config: whether tokens are drawn, and with what a whole caption goes on.
        rows: [B] which of the N prompts each caption has.
        inputs: what else the model is given.

    Returns:
        [B, prompt + the longest caption] tokens.
    """
    prompt = input_ids.shape[1]
    most = generation_config.max_length - prompt
    logits, decoding = _read(model, input_ids, rows, most, inputs)
    tokens = functional.pad(input_ids[rows], (0, most), value=generation_config.pad_token_id)
    going = torch.ones(len(rows), dtype=torch.bool)
    decoded = torch.arange(len(rows))  # those that the decoder still has
    for length in range(prompt, prompt + most):
        scores = logits_processor(tokens[:, :length], logits)
        if generation_config.do_sample:  # for all, whole or not, as transformers draws
            drawn = torch.multinomial(scores.softmax(-1), 1).squeeze(1)
        else:
            drawn = scores.argmax(-1)
        tokens[:, length] = torch.where(going, drawn, generation_config.pad_token_id)
        going &= ~stopping_criteria(tokens[:, : length + 1], None)
        left = int(going.sum())
        if left == 0:
            return tokens[:, : length + 1]
        if left <= FEWER * len(decoded):
            decoding.keep(going[decoded].nonzero().squeeze(1))
            decoded = going.nonzero().squeeze(1)
        logits[decoded] = decoding.step(tokens[decoded, length])
    return tokens


def _read(
    model: Any, input_ids: Tensor, rows: Tensor, most: int, inputs: dict[str, Any]
) -> tuple[Tensor, decoder.Decoder]:
    """Read the prompts.

    Returns:
        [B, vocabulary] logits of the first token, and the decoder that goes on from there.
    """
    ready = model.prepare_inputs_for_generation(input_ids, is_first_iteration=True, **inputs)
    logits = model(**ready, return_dict=True).logits[rows, -1]
    cache = next(inputs[name] for name in CACHE_NAMES if inputs.get(name) is not None)
    after = ready["position_ids"][..., -1:] + torch.arange(1, most + 1)
    if after.ndim == 3:
        after = after[-3:]  # Qwen's fourth, which stands before them, is for masks
    mask = inputs.get("attention_mask")
    padded = None if mask is None or mask.all() else mask[rows]
    return logits, decoder.Decoder(model, cache, rows, after[..., rows, :], padded)
