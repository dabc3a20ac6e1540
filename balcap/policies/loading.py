"""How does a policy come from its files into memory?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from balcap import distributed
from balcap.config import ModelSettings, PolicySettings
from balcap.logging import without_bars
from balcap.policies import quantized
from balcap.policies.families import Family
from balcap.policies.location import Located, locate
from balcap.policies.threads import set_threads


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
    settings: ModelSettings,
    *,
    origin: Located | None = None,
    trainable: bool = False,
    checkpoint: Path | None = None,
) -> Policy:
    """Load a policy's weights and processor.

    Args:
        settings: which policy, number format and pixel limits.
        origin: where the policy is; default: found by its name.
        trainable: whether LoRA adapters that the policy has can be trained on.
        checkpoint: a checkpoint of a training of all weights of this policy, which are taken
            instead. transformers' own resuming does not do it: its checkpoints have other key names
            than the model in memory, and loading them leaves the weights as they were, in silence.

    Raises:
        UserError: if there is no such policy, or it is of no family that is known.
    """
    from transformers import AutoModelForImageTextToText

    from balcap.policies.small import write_by_own_loop

    origin = origin or locate(settings.policy)
    found = Located(str(checkpoint), origin.family) if checkpoint else origin
    processor = load_processor(settings, found)
    more = quantized.arguments(settings) if isinstance(settings, PolicySettings) else {}
    with without_bars(found.source):
        model = AutoModelForImageTextToText.from_pretrained(
            found.source, revision=found.revision, dtype=dtype_of(settings), **more
        )
    model.generation_config = _only_ends(model.generation_config, processor.tokenizer)
    model.config._name_or_path = origin.source  # what adapters name as their base
    set_threads(model)
    write_by_own_loop(model)
    if found.adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, found.adapter, is_trainable=trainable)
    return Policy(model, processor, found.family)


def load_to_write(settings: ModelSettings, origin: Located | None = None) -> Policy:
    """Load a policy that writes captions without a trainer, onto the process's GPU if any.

    `load` leaves the weights in the CPU's memory, from where a trainer fetches them.

    Args:
        settings: as for `load`.
        origin: as for `load`.

    Raises:
        UserError: as `load`.
    """
    policy = load(settings, origin=origin)
    device = distributed.state().device
    if policy.model.device.type != device.type:  # weights in 4 bits are there already
        policy.model.to(device)
    return policy


def load_processor(settings: ModelSettings, found: Located) -> Any:
    """A policy's processor, with the settings' pixel limits; its tokenizer pads on the left."""
    from transformers import AutoProcessor

    pixels = {
        name: value
        for name, value in (
            ("min_pixels", settings.min_pixels),
            ("max_pixels", settings.max_pixels),
        )
        if value is not None
    }
    with without_bars(found.source):
        processor = AutoProcessor.from_pretrained(found.source, revision=found.revision, **pixels)
    processor.tokenizer.padding_side = "left"
    return processor


def for_training(
    settings: PolicySettings, origin: Located | None = None, checkpoint: Path | None = None
) -> Policy:
    """Load a policy to be trained, its vision tower frozen where the settings say so.

    With adapters it is the origin, whatever the checkpoint: the trainer makes the KL reference of
    what it is given, and `adapters.restore` brings the checkpoint's adapter in afterwards.
    """
    quantized.check(settings)
    origin = origin or locate(settings.policy)
    whole = None if settings.lora.rank else checkpoint
    policy = load(settings, origin=origin, trainable=True, checkpoint=whole)
    if settings.freeze_vision:
        for name, parameter in policy.model.named_parameters():
            if policy.family.part_of(name) == "vision":
                parameter.requires_grad = False
    return policy


def _only_ends(own: Any, tokenizer: Any) -> Any:
    """A model's generation configuration with nothing left but the tokens that end a caption: those
    of its own and the tokenizer's. What else it holds (Qwen2.5-VL's has a repetition penalty of
    1.05) would find its way into every draw that does not say otherwise."""
    from transformers import GenerationConfig

    ends = own.eos_token_id if isinstance(own.eos_token_id, list) else [own.eos_token_id]
    return GenerationConfig(
        eos_token_id=sorted({*ends, tokenizer.eos_token_id} - {None}),
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


@contextmanager
def reference_pinned(policy: Policy, origin: Located) -> Iterator[None]:
    """Let TRL, which loads the KL reference by the name in the model's config, find the commit that
    the run began with, and not the newest one of the hub."""
    config = policy.model.config
    if origin.revision:
        from huggingface_hub import hf_hub_download

        file = hf_hub_download(origin.source, "config.json", revision=origin.revision)
        config._name_or_path = str(Path(file).parent)
    try:
        yield
    finally:
        config._name_or_path = origin.source


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
