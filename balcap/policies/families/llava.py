"""LLaVA-1.5."""

from balcap.policies.families.base import Family

LLAVA = Family(
    name="LLaVA-1.5",
    model_type="llava",
    image_token="<image>",
    vision="vision_tower",
    projector="multi_modal_projector",
    tiny="tiny-llava-1.5",
    lmms_eval="llava_hf",
)
