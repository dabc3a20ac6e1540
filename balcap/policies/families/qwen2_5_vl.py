"""Qwen2.5-VL."""

from balcap.policies.families.base import Family

QWEN = Family(
    name="Qwen2.5-VL",
    model_type="qwen2_5_vl",
    image_token="<|image_pad|>",
    vision="visual",
    projector="visual.merger",
    tiny="tiny-qwen2.5-vl",
    lmms_eval="qwen2_5_vl",
    longest_ratio=200,
)
