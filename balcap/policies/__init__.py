"""A captioner ready to train or to caption: weights, processor and what its family needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from balcap.config import ModelSettings, PolicySettings
from balcap.logging import without_bars
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


def load(
    settings: ModelSettings, *, trainable: bool = False, checkpoint: Path | None = None
) -> Policy:
    """Load a policy's weights and processor.

    Args:
        settings: which policy, number format and pixel limits.
        trainable: whether LoRA adapters that the policy has can be trained on.
        checkpoint: a checkpoint of a training of this policy, whose weights are taken instead.
            transformers' own resuming does not do it: its checkpoints have other key names than
            the model in memory, and loading them leaves the weights as they were, in silence.

    Raises:
        UserError: if there is no such policy, or it is of neither family.
    """
    from transformers import AutoModelForImageTextToText, AutoProcessor

    origin = locate(settings.policy)
    found = locate(str(checkpoint)) if checkpoint else origin
    pixels = {
        name: value
        for name, value in (
            ("min_pixels", settings.min_pixels),
            ("max_pixels", settings.max_pixels),
        )
        if value is not None
    }
    with without_bars(found.source):
        processor = AutoProcessor.from_pretrained(found.source, **pixels)
        model = AutoModelForImageTextToText.from_pretrained(found.source, dtype=dtype_of(settings))
    processor.tokenizer.padding_side = "left"
    model.config._name_or_path = origin.source  # TRL loads the reference policy from here
    if found.adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, found.adapter, is_trainable=trainable)
    return Policy(model, processor, found.family)


def for_training(settings: PolicySettings, checkpoint: Path | None = None) -> Policy:
    """Load a policy whose vision tower stays as it is where the settings freeze it."""
    policy = load(settings, trainable=True, checkpoint=checkpoint)
    if settings.freeze_vision:
        for name, parameter in policy.model.named_parameters():
            if policy.family.vision in name:
                parameter.requires_grad = False
    return policy


def dtype_of(settings: ModelSettings) -> Any:
    """The torch dtype that weights are loaded in.

    `auto` is float32 on a CPU and bfloat16 on a GPU, but float32 there too where all weights are
    trained: a bfloat16 weight of 0.02 cannot move by less than 1e-4, and steps of 1e-6 are lost.
    """
    import torch

    if settings.dtype != "auto":
        return getattr(torch, settings.dtype)
    trains_all = isinstance(settings, PolicySettings) and not settings.lora.rank
    return torch.bfloat16 if torch.cuda.is_available() and not trains_all else torch.float32


def computes_in_bf16(settings: ModelSettings) -> bool:
    """Whether training multiplies in bfloat16, whatever its weights are kept in."""
    import torch

    return settings.dtype == "bfloat16" or (settings.dtype == "auto" and torch.cuda.is_available())


def new_adapters(settings: PolicySettings, policy: Policy) -> Any:
    """The peft configuration of new adapters, or None for full training and for those it has.

    `all-linear` means the linear layers of the language model, and of the vision tower too unless
    it is frozen.
    """
    lora = settings.lora
    if not lora.rank or hasattr(policy.model, "peft_config"):
        return None
    from peft import LoraConfig

    targets: str | list[str] = [name.strip() for name in lora.targets.split(",")]
    excluded = None
    if lora.targets == "all-linear":
        targets = "all-linear"
        excluded = rf".*{policy.family.vision}.*" if settings.freeze_vision else None
    return LoraConfig(
        r=lora.rank,
        lora_alpha=2 * lora.rank if lora.alpha is None else lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        exclude_modules=excluded,
        task_type="CAUSAL_LM",
    )
