"""Qwen2.5-VL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from balcap.policies.families.base import Family
from balcap.policies.families.small import IMAGE_SIDE, LANGUAGE, VISION
from balcap.policies.families.small import tokenizer as make_tokenizer

SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>",
    "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def random_init(texts: Iterable[str]) -> tuple[Any, Any]:
    """A processor and a small model with random weights."""
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    tokenizer = make_tokenizer(
        texts, SPECIAL, TEMPLATE, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    pixels = {"min_pixels": IMAGE_SIDE**2, "max_pixels": IMAGE_SIDE**2}
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**pixels),
        video_processor=Qwen2VLVideoProcessor(**pixels),
        tokenizer=tokenizer,
        chat_template=TEMPLATE,
    )
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL}
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            **LANGUAGE,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [4, 6, 6],  # sums to half a head of 32
            },
            "bos_token_id": None,
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            **VISION,
            "depth": 1,
            "num_heads": 4,
            "out_hidden_size": LANGUAGE["hidden_size"],
            "fullatt_block_indexes": [0],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )
    model = Qwen2_5_VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = ids["<|im_end|>"]
    model.generation_config.pad_token_id = ids["<|endoftext|>"]
    return processor, model


QWEN = Family(
    name="Qwen2.5-VL",
    model_type="qwen2_5_vl",
    image_token="<|image_pad|>",
    vision="visual",
    projector="visual.merger",
    tiny="tiny-qwen2.5-vl",
    lmms_eval="qwen2_5_vl",
    longest_ratio=200,
    random_init=random_init,
)
