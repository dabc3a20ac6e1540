"""QLoRA: a policy whose frozen weights are kept in 4 bits, below adapters that are trained.

NF4 with double quantisation (Dettmers et al., arXiv 2305.14314), by bitsandbytes.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from balcap.config import PolicySettings
from balcap.errors import UserError


def check(settings: PolicySettings, engine: str = "hf") -> None:
    """Whether a policy can be trained in 4 bits, before it is loaded.

    Args:
        settings: with the adapter's form, if the policy has one.
        engine: who writes the rollouts.

    Raises:
        UserError: without adapters, with a merge or vLLM, or where bitsandbytes or CUDA is missing.
    """
    if settings.bits != 4:
        return
    if not settings.lora.rank:
        raise UserError(
            "bits is 4 and lora.rank 0; weights in 4 bits cannot be trained themselves: add "
            "adapters with --lora.rank 16, or leave out --bits"
        )
    if settings.lora.merge:
        raise UserError(
            "bits is 4, and lora.merge puts an adapter into the weights, which loses precision "
            "there; merge without --bits, by balcap export RUN --merge, and train what comes of it"
        )
    if engine != "hf":
        raise UserError(
            f"bits is 4 and rollout.engine {engine!r}; vLLM cannot be given weights in 4 bits at "
            "each step: use --rollout.engine hf, or leave out --bits"
        )
    if find_spec("bitsandbytes") is None:
        raise UserError("bits is 4, and bitsandbytes is not installed; pip install 'balcap[qlora]'")
    import torch

    if not torch.cuda.is_available():
        raise UserError("bits is 4, and torch sees no CUDA GPU; train there, or leave out --bits")


def arguments(settings: PolicySettings) -> dict[str, Any]:
    """What `from_pretrained` is given beside the rest: nothing, but with 4 bits the form of the
    weights and this process's GPU, which bitsandbytes must load onto."""
    if settings.bits != 4:
        return {}
    import torch
    from accelerate import PartialState
    from transformers import BitsAndBytesConfig

    return {
        "quantization_config": BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        ),
        "device_map": {"": PartialState().device},
    }
