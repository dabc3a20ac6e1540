"""Which model families are there? One file and one entry each."""

from __future__ import annotations

from balcap.errors import UserError
from balcap.importing import module_of
from balcap.plugins import Kind, place_of
from balcap.policies.families.base import Family, Part
from balcap.policies.families.llava import LLAVA
from balcap.policies.families.qwen2_5_vl import QWEN

__all__ = ["FAMILIES", "LLAVA", "QWEN", "Family", "Part", "family_of"]

FAMILIES = {family.model_type: family for family in (QWEN, LLAVA)}
"""By what transformers calls the model in its `config.json`."""

FAMILY_KIND = Kind("model family", "balcap.families", "balcap.policies.families.Family")
"""Another package offers its own under these entry points, as `MODEL_TYPE = my_module:FAMILY`."""


def family_of(model_type: str) -> Family | None:
    """The family of a model, built in or of an installed package; None if there is none.

    Raises:
        UserError: if what a package offers cannot be imported or is no family, or if two offer it.
    """
    if model_type in FAMILIES or model_type not in FAMILY_KIND.offered():
        return FAMILIES.get(model_type)
    source, _, name = place_of(FAMILY_KIND, model_type).rpartition(":")
    found = getattr(module_of(source, f"the model family {model_type!r}"), name, None)
    if not isinstance(found, Family):
        raise UserError(f"{name} in {source} is not a model family; make it a {FAMILY_KIND.base}")
    return found
