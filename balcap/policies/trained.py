"""What trains? Counted from the parameters themselves, and held against the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from balcap.config import PolicySettings
from balcap.policies.families import Family, Part


def trained_parameters(model: Any, family: Family) -> dict[Part, int]:
    """Number of parameters that training changes, by the part of the model that they are in."""
    counts: dict[Part, int] = dict.fromkeys(get_args(Part), 0)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            # DeepSpeed's ZeRO-3 leaves an empty tensor where the weight was
            counts[family.part_of(name)] += getattr(parameter, "ds_numel", parameter.numel())
    return counts


def in_words(counts: Mapping[Part, int], settings: PolicySettings) -> str:
    """Such as `trains: language 3.09 B, projector 36 M, vision 0`."""
    how = f" (LoRA of rank {settings.lora.rank})" if settings.lora.rank else ""
    return f"trains: {', '.join(f'{part} {amount(n)}' for part, n in counts.items())}{how}"


def check_trained(counts: Mapping[Part, int], settings: PolicySettings) -> None:
    """Raise RuntimeError if a part trains that the settings keep as it is: a bug of ours."""
    lora = settings.lora
    kept: dict[Part, bool] = {
        "language": False,
        "projector": bool(lora.rank) and not lora.projector,
        "vision": settings.freeze_vision or (bool(lora.rank) and not lora.vision),
    }
    for part, n in counts.items():
        if n and kept[part]:
            raise RuntimeError(f"{n:,} parameters of the {part} would train, against the settings")


def amount(n: int) -> str:
    """A number of parameters in three digits: `3.09 B`, `36.2 M`, `84 k`, `512`."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return str(n)
