"""Captions outside training, with random policies of both families."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from balcap import distributed
from balcap.config import (
    DataSettings,
    LoraSettings,
    ModelSettings,
    PolicySettings,
    SamplingSettings,
    ShapesSettings,
)
from balcap.data import shapes
from balcap.policies.adapters import new_adapters
from balcap.policies.generation import Sampling, write_captions
from balcap.policies.loading import (
    computes_in_bf16,
    dtype_of,
    for_training,
    load,
    load_to_write,
)

FAMILIES = ("qwen2.5-vl", "llava-1.5")
SAMPLES, _ = shapes.load(DataSettings(eval_samples=0, shapes=ShapesSettings(train=5)))


@pytest.mark.parametrize("family", FAMILIES)
def test_captions_come_in_order_and_within_their_length(
    family: str, fresh_policies: dict[str, Path]
) -> None:
    policy = load(ModelSettings(policy=str(fresh_policies[family])))
    written = list(write_captions(policy, SAMPLES, Sampling(max_tokens=6, batch=2)))
    assert [caption.sample.id for caption in written] == [sample.id for sample in SAMPLES]
    assert all(0 < (caption.num_tokens or 0) <= 6 for caption in written)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_gives_the_same_captions_and_leaves_the_callers_draws_alone(
    family: str, fresh_policies: dict[str, Path]
) -> None:
    import torch

    policy = load(ModelSettings(policy=str(fresh_policies[family])))
    sampling = Sampling(SamplingSettings(temperature=1.0), max_tokens=8, batch=3, seed=4)
    torch.manual_seed(0)
    first = [caption.text for caption in write_captions(policy, SAMPLES, sampling)]
    drawn = torch.rand(1)
    assert first == [caption.text for caption in write_captions(policy, SAMPLES, sampling)]
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(1))


def test_a_caption_that_ends_with_its_last_token_is_finished(
    fresh_policies: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four tokens at most: an end as the fourth, none, an end as the second and padding."""
    import torch

    policy = load(ModelSettings(policy=str(fresh_policies["qwen2.5-vl"])))
    tokenizer = policy.processor.tokenizer
    end, pad = policy.processor.tokenizer.eos_token_id, tokenizer.pad_token_id
    word = tokenizer("circle", add_special_tokens=False)["input_ids"][0]
    tokens = torch.tensor([[word, word, word, end], [word] * 4, [word, end, pad, pad]])

    def generate(input_ids: Any, **_: Any) -> Any:
        return torch.cat([input_ids, tokens], dim=1)

    monkeypatch.setattr(policy.model, "generate", generate)
    written = list(write_captions(policy, SAMPLES[:3], Sampling(max_tokens=4)))
    assert [caption.finished for caption in written] == [True, False, True]


def test_weights_that_write_are_on_the_processs_own_device(
    fresh_policies: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch's device without memory stands for a GPU."""
    import torch

    monkeypatch.setattr(distributed, "state", lambda: SimpleNamespace(device=torch.device("meta")))
    settings = ModelSettings(policy=str(fresh_policies["llava-1.5"]))
    on = {weight.device.type for weight in load_to_write(settings).model.parameters()}
    assert on == {"meta"}
    on = {weight.device.type for weight in load(settings).model.parameters()}
    assert on == {"cpu"}  # a trainer moves them


@pytest.mark.parametrize("family", FAMILIES)
def test_a_frozen_vision_tower_has_no_gradient_and_the_rest_has(
    family: str, fresh_policies: dict[str, Path]
) -> None:
    settings = PolicySettings(policy=str(fresh_policies[family]), freeze_vision=True)
    policy = for_training(settings)
    frozen = {n for n, p in policy.model.named_parameters() if not p.requires_grad}
    assert frozen
    assert all(policy.family.part_of(name) == "vision" for name in frozen)
    assert len(frozen) < len(list(policy.model.named_parameters()))


@pytest.mark.parametrize("family", FAMILIES)
def test_adapters_leave_a_frozen_tower_alone(family: str, fresh_policies: dict[str, Path]) -> None:
    from peft import get_peft_model

    settings = PolicySettings(
        policy=str(fresh_policies[family]), freeze_vision=True, lora=LoraSettings(rank=4)
    )
    policy = for_training(settings)
    config = new_adapters(settings, policy)
    assert (config.r, config.lora_alpha) == (4, 8)  # alpha: twice the rank
    adapted = [
        n for n, p in get_peft_model(policy.model, config).named_parameters() if p.requires_grad
    ]
    assert adapted
    assert not any(policy.family.vision in name for name in adapted)


def test_no_adapters_are_made_without_a_rank(fresh_policies: dict[str, Path]) -> None:
    settings = PolicySettings(policy=str(fresh_policies["llava-1.5"]))
    assert new_adapters(settings, for_training(settings)) is None


@pytest.mark.parametrize(
    ("gpu", "rank", "dtype", "weights", "bf16"),
    [
        (False, 0, "auto", "float32", False),
        (True, 0, "auto", "float32", True),  # all weights trained: small steps must not be lost
        (True, 8, "auto", "bfloat16", True),
        (True, 0, "bfloat16", "bfloat16", True),
        (True, 0, "float32", "float32", False),
    ],
)
def test_number_formats(
    gpu: bool, rank: int, dtype: str, weights: str, bf16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    settings = PolicySettings(dtype=dtype, lora=LoraSettings(rank=rank))  # type: ignore[arg-type]
    assert dtype_of(settings) == getattr(torch, weights)
    assert computes_in_bf16(settings) is bf16


def test_a_bfloat16_weight_cannot_take_a_small_step() -> None:
    """Why full training keeps float32 weights: 0.02 - 1e-6 is 0.02 again, and so is - 3e-5."""
    import torch

    weight = torch.tensor(0.02, dtype=torch.bfloat16)
    assert weight - 1e-6 == weight
    assert weight - 3e-5 == weight
