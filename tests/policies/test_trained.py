"""What trains is what the settings say, by the names of the parameters."""

from pathlib import Path
from typing import Any

import pytest

from balcap.config import LoraSettings, PolicySettings
from balcap.errors import UserError
from balcap.policies import Policy
from balcap.policies.adapters import new_adapters
from balcap.policies.loading import for_training
from balcap.policies.trained import amount, check_trained, in_words, trained_parameters

FAMILIES = ("qwen2.5-vl", "llava-1.5")
ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj"}
MLP = {"gate_proj", "up_proj", "down_proj"}
VISION = {
    "qwen2.5-vl": {"qkv", "proj", "gate_proj", "up_proj", "down_proj"},
    "llava-1.5": {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"},
}
PROJECTOR = {"qwen2.5-vl": {"0", "2"}, "llava-1.5": {"linear_1", "linear_2"}}


def loaded(folder: Path, **settings: Any) -> tuple[Policy, PolicySettings, Any]:
    """A policy as it is trained: with its adapters on, if it is to have some."""
    from peft import get_peft_model

    chosen = PolicySettings(policy=str(folder), **settings)
    policy = for_training(chosen)
    config = new_adapters(chosen, policy)
    return policy, chosen, policy.model if config is None else get_peft_model(policy.model, config)


def adapted(policy: Policy, model: Any) -> dict[str, set[str]]:
    """The modules that have adapters: last parts of their names, by the part of the model."""
    found: dict[str, set[str]] = {"language": set(), "projector": set(), "vision": set()}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            module = name.partition(".lora_")[0]
            found[policy.family.part_of(name)].add(module.rpartition(".")[2])
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_a_frozen_tower_leaves_the_projector_to_train(
    family: str, fresh_policies: dict[str, Path]
) -> None:
    policy, settings, model = loaded(fresh_policies[family], freeze_vision=True)
    counts = trained_parameters(model, policy.family)
    assert counts["vision"] == 0
    every = {name: parameter.numel() for name, parameter in model.named_parameters()}
    for part in ("language", "projector"):
        own = sum(n for name, n in every.items() if policy.family.part_of(name) == part)
        assert counts[part] == own > 0
    check_trained(counts, settings)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("lora", "language", "projector", "vision"),
    [
        ({}, ATTENTION | MLP, False, False),
        ({"targets": "q_proj,v_proj"}, {"q_proj", "v_proj"}, False, False),
        ({"targets": "gate_proj,fc1,qkv"}, {"gate_proj"}, False, False),
        ({"projector": True}, ATTENTION | MLP, True, False),
        ({"projector": True, "vision": True}, ATTENTION | MLP, True, True),
    ],
    ids=["all-linear", "some", "of both", "projector", "projector and vision"],
)
def test_adapters_are_where_the_settings_put_them(
    family: str, lora: dict[str, Any], language: set[str], projector: bool, vision: bool,
    fresh_policies: dict[str, Path],
) -> None:  # fmt: skip
    policy, settings, model = loaded(fresh_policies[family], lora=LoraSettings(rank=2, **lora))
    assert adapted(policy, model) == {
        "language": language,
        "projector": PROJECTOR[family] if projector else set(),
        "vision": VISION[family] if vision else set(),
    }
    check_trained(trained_parameters(model, policy.family), settings)


def test_adapting_a_frozen_tower_is_a_contradiction() -> None:
    with pytest.raises(UserError, match=r"freeze_vision .* lora\.vision"):
        PolicySettings(freeze_vision=True, lora=LoraSettings(rank=2, vision=True))


def test_a_part_that_must_not_train_is_found() -> None:
    settings = PolicySettings(lora=LoraSettings(rank=2))
    with pytest.raises(RuntimeError, match="7 parameters of the vision"):
        check_trained({"language": 3, "projector": 0, "vision": 7}, settings)


def test_numbers_are_told_in_three_digits() -> None:
    assert [amount(n) for n in (0, 512, 84_000, 36_240_000, 3_085_938_688)] == [
        "0", "512", "84 k", "36.2 M", "3.09 B",
    ]  # fmt: skip
    counts = {"language": 1_200_000, "projector": 0, "vision": 0}
    assert in_words(counts, PolicySettings(lora=LoraSettings(rank=8))) == (  # type: ignore[arg-type]
        "trains: language 1.2 M, projector 0, vision 0 (LoRA of rank 8)"
    )
