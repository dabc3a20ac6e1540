"""LoRA: which modules get adapters, and what becomes of those that a policy has already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from balcap.config import LoraSettings, ModelSettings, PolicySettings
from balcap.errors import UserError
from balcap.policies.families import Family
from balcap.policies.loading import Policy, load
from balcap.policies.location import Located

SettingsT = TypeVar("SettingsT", bound=PolicySettings)


def new_adapters(settings: PolicySettings, policy: Policy) -> Any:
    """The peft configuration of new adapters; None for full training, or a policy that has some.

    Modules of the projector and the vision tower are left out unless `lora.projector` and
    `lora.vision` ask for them, whatever `lora.targets` names.
    """
    lora = settings.lora
    if not lora.rank or hasattr(policy.model, "peft_config"):
        return None
    from peft import LoraConfig

    names = [name.strip() for name in lora.targets.split(",")]
    left_out = []
    if not lora.projector:
        left_out.append(policy.family.modules_of("projector"))
    if not lora.vision:
        left_out.append(policy.family.modules_of("vision"))
    return LoraConfig(
        r=lora.rank,
        lora_alpha=alpha_of(lora),
        lora_dropout=lora.dropout,
        target_modules="all-linear" if names == ["all-linear"] else names,
        exclude_modules="|".join(f"(?:{pattern})" for pattern in left_out) or None,
        task_type="CAUSAL_LM",
    )


def alpha_of(lora: LoraSettings) -> int:
    """The scale of adapters, its default filled in."""
    return 2 * lora.rank if lora.alpha is None else lora.alpha


def continued(settings: SettingsT, origin: Located) -> SettingsT:
    """The settings of a training that begins with `origin`: the adapter that it has goes on.

    Raises:
        UserError: if the settings ask for an adapter of another form, or to merge one that is not
            there.
    """
    lora = settings.lora
    if origin.adapter is None:
        if lora.merge:
            raise UserError(
                f"lora.merge: policy {settings.policy!r} has no adapter to merge; leave it out"
            )
        return settings
    if lora.merge:
        return settings
    found = json.loads((origin.adapter / "adapter_config.json").read_text(encoding="utf-8"))
    own = _form_of(found, lora, origin.family)
    if lora.rank:
        _check_form(settings.policy, lora, own)
    return replace(settings, lora=own)


def restore(model: Any, checkpoint: Path) -> None:
    """Give the adapter that is trained the weights of a checkpoint."""
    from peft import load_peft_weights, set_peft_model_state_dict

    set_peft_model_state_dict(model, load_peft_weights(str(checkpoint), device="cpu"))


def merge(settings: ModelSettings, origin: Located, folder: Path) -> Path:
    """Write the weights with the adapter in them to a folder; returns it."""
    policy = load(settings, origin=origin)
    policy.model.merge_and_unload().save_pretrained(folder)
    policy.processor.save_pretrained(folder)
    return folder


def _form_of(config: Mapping[str, Any], lora: LoraSettings, family: Family) -> LoraSettings:
    """The settings by which an adapter was made."""
    targets = config["target_modules"]
    left_out = str(config.get("exclude_modules") or "")
    return replace(
        lora,
        rank=config["r"],
        alpha=config["lora_alpha"],
        dropout=config["lora_dropout"],
        targets=targets if isinstance(targets, str) else ",".join(sorted(targets)),
        projector=family.modules_of("projector") not in left_out,
        vision=family.modules_of("vision") not in left_out,
    )


def _check_form(policy: str, wanted: LoraSettings, own: LoraSettings) -> None:
    pairs: dict[str, tuple[object, object]] = {
        "rank": (wanted.rank, own.rank),
        "alpha": (alpha_of(wanted), own.alpha),
        "dropout": (wanted.dropout, own.dropout),
    }
    if wanted.targets != LoraSettings.targets:
        pairs["targets"] = (",".join(sorted(wanted.targets.split(","))), own.targets)
    for name, (asked, has) in pairs.items():
        if asked != has:
            raise UserError(
                f"lora.{name} is {asked}, and the adapter of policy {policy!r} has {has}; leave "
                "out --lora.* to train that adapter further, or add --lora.merge to put it into "
                "the weights and train a new one"
            )
