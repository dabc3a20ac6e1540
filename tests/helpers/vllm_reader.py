"""A tiny text model, made on the spot, that answers every prompt with one letter from A to E.

Its weights are random but for two directions of the residual stream: one that every token has and
that the head reads as "a letter", and one that only letters have and that the head reads as "the
end". Which letter it is depends on the prompt through the random rest.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

LETTERS = "ABCDE"
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make(folder: Path) -> Path:
    """Write the model and its tokenizer; returns the folder."""
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    _model(tokenizer).save_pretrained(folder)
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    """Bytes, so that any text survives a round trip, and ChatML's control tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_only = Tokenizer(models.BPE({token: i for i, token in enumerate(alphabet)}, []))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytes_only,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config).eval()
    letters = torch.tensor(tokenizer.convert_tokens_to_ids(list(LETTERS)))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 2:
                weight.normal_(0, 0.3)
        for layer in model.model.layers:  # nothing writes into the two directions
            layer.self_attn.o_proj.weight[:2] = 0
            layer.mlp.down_proj.weight[:2] = 0
        tokens = model.model.embed_tokens.weight
        tokens[:, 0], tokens[:, 1] = 12, 0
        tokens[letters, 1] = 8
        # a prompt ends with a line break: what it says of the letters comes from the text before
        tokens[tokenizer.convert_tokens_to_ids("\u010a"), 2:] = 0
        head = model.lm_head.weight
        head[:, 2:] = 0
        head[:, 0], head[:, 1] = -6, 0
        head[letters, 0], head[letters, 1] = 6, -20
        head[letters, 2:] = 0.1 * torch.randn(len(LETTERS), 62)
        head[tokenizer.eos_token_id, 1] = 20
    return model
