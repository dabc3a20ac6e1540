"""Which model families are there? One file and one entry each."""

from balcap.policies.families.base import Family, Part
from balcap.policies.families.llava import LLAVA
from balcap.policies.families.qwen2_5_vl import QWEN

__all__ = ["FAMILIES", "LLAVA", "QWEN", "Family", "Part"]

FAMILIES = {family.model_type: family for family in (QWEN, LLAVA)}
"""By what transformers calls the model in its `config.json`."""
