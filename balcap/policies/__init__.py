"""A captioner ready to train or to caption: weights, processor and what its family needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from balcap.config import PolicySettings
from balcap.policies.family import Family, Located, locate

__all__ = ["Family", "Located", "Policy", "load", "locate"]


@dataclass(frozen=True, slots=True)
class Policy:
    """A loaded captioner.

    Attributes:
        model: a transformers image-text-to-text model, with adapters on it if it was trained so.
        processor: its processor; the tokenizer pads on the left.
        family: Qwen2.5-VL or LLaVA-1.5.
    """

    model: Any
    processor: Any
    family: Family


def load(settings: PolicySettings, *, trainable: bool = False) -> Policy:
    """Load a policy's weights and processor.

    Args:
        settings: which policy, number format, pixel limits, and what stays frozen.
        trainable: keep LoRA adapters trainable, and freeze what the settings say.

    Raises:
        UserError: if there is no such policy, or it is of neither family.
    """
    from transformers import AutoModelForImageTextToText, AutoProcessor

    found = locate(settings.policy)
    pixels = {
        name: value
        for name, value in (
            ("min_pixels", settings.min_pixels),
            ("max_pixels", settings.max_pixels),
        )
        if value is not None
    }
    processor = AutoProcessor.from_pretrained(found.source, **pixels)
    processor.tokenizer.padding_side = "left"
    model = AutoModelForImageTextToText.from_pretrained(found.source, dtype=dtype_of(settings))
    if found.adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, found.adapter, is_trainable=trainable)
    if trainable and settings.freeze_vision:
        for name, parameter in model.named_parameters():
            if found.family.vision in name:
                parameter.requires_grad = False
    return Policy(model, processor, found.family)


def dtype_of(settings: PolicySettings) -> Any:
    """The torch dtype of the settings; `auto` is bfloat16 on a GPU and float32 on a CPU."""
    import torch

    if settings.dtype == "auto":
        return torch.bfloat16 if torch.cuda.is_available() else torch.float32
    return getattr(torch, settings.dtype)


def lora_config(settings: PolicySettings, family: Family) -> Any:
    """The peft configuration of the settings, or None for full training.

    `all-linear` means the linear layers of the language model, and of the vision tower too unless
    it is frozen.
    """
    lora = settings.lora
    if not lora.rank:
        return None
    from peft import LoraConfig

    targets: str | list[str] = [name.strip() for name in lora.targets.split(",")]
    excluded = None
    if lora.targets == "all-linear":
        targets = "all-linear"
        excluded = rf".*{family.vision}.*" if settings.freeze_vision else None
    return LoraConfig(
        r=lora.rank,
        lora_alpha=2 * lora.rank if lora.alpha is None else lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        exclude_modules=excluded,
        task_type="CAUSAL_LM",
    )
