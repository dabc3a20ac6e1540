"""A small policy's own loop writes what transformers' loop writes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor

from balcap.config import (
    DataSettings,
    ModelSettings,
    SamplingSettings,
    ShapesSettings,
)
from balcap.data import shapes
from balcap.policies import Policy, load
from balcap.policies.generation import Sampling, chat
from balcap.policies.images import read_image
from balcap.policies.small import decoder, writing
from balcap.policies.small.rows import distinct
from balcap.types import Sample

TINY = ("tiny-qwen2.5-vl", "tiny-llava-1.5")
SAMPLES, _ = shapes.load(DataSettings(eval_samples=0, shapes=ShapesSettings(train=3)))
GROUPS = [sample for sample in SAMPLES for _ in range(4)]
HOW = {
    "greedy": SamplingSettings(temperature=0.0),
    "sampled": SamplingSettings(temperature=1.0),
    "cut": SamplingSettings(
        temperature=0.7, top_p=0.9, top_k=20, min_p=0.01, repetition_penalty=1.2,
        no_repeat_ngram=3, min_new_tokens=2,
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=TINY)
def policy(request: pytest.FixtureRequest) -> Policy:
    loaded = load(ModelSettings(policy=request.param))
    loaded.model.eval()
    return loaded


def inputs_of(policy: Policy, samples: Sequence[Sample]) -> dict[str, Tensor]:
    conversations = [chat(sample, read_image(sample, policy.family)) for sample in samples]
    inputs: dict[str, Tensor] = policy.processor.apply_chat_template(
        conversations, add_generation_prompt=True, tokenize=True, return_dict=True,
        return_tensors="pt", processor_kwargs={"padding": True},
    )  # fmt: skip
    return dict(inputs)


def both(policy: Policy, samples: Sequence[Sample], how: SamplingSettings) -> tuple[Tensor, Tensor]:
    """What the own loop and transformers' write, by the same random numbers."""
    inputs = inputs_of(policy, samples)
    config = Sampling(how, max_tokens=48).generation_config(policy)
    written = []
    for generate in (
        policy.model.generate,
        lambda **it: type(policy.model).generate(policy.model, **it),
    ):
        torch.manual_seed(5)
        written.append(generate(**inputs, generation_config=config))
    return written[0], written[1]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many captions each token of the own loop was decoded for."""
    seen: list[int] = []
    own = decoder.Decoder.step

    def step(self: decoder.Decoder, tokens: Tensor) -> Tensor:
        seen.append(len(tokens))
        return own(self, tokens)

    monkeypatch.setattr(decoder.Decoder, "step", step)
    return seen


@pytest.mark.parametrize("how", HOW)
def test_its_tokens_are_transformers_tokens(policy: Policy, how: str, steps: list[int]) -> None:
    own, theirs = both(policy, GROUPS, HOW[how])
    assert torch.equal(own, theirs)
    assert steps, "the own loop was not used"


def test_prompts_of_unequal_length_are_padded_and_seen_as_if_they_were_not(
    policy: Policy, steps: list[int]
) -> None:
    one, other, _ = SAMPLES
    longer = Sample(**{**_fields(other), "prompt": "Describe the picture, all of the picture."})
    own, theirs = both(policy, [one, one, longer], HOW["sampled"])
    assert (inputs_of(policy, [one, longer])["attention_mask"] == 0).any()
    assert torch.equal(own, theirs)
    assert steps


def _fields(sample: Sample) -> dict[str, Any]:
    return {name: getattr(sample, name) for name in sample.__dataclass_fields__}


def test_captions_that_are_whole_are_decoded_no_longer(policy: Policy, steps: list[int]) -> None:
    """Twelve captions; as soon as a quarter of those that are decoded are whole, they drop out."""
    own, theirs = both(policy, GROUPS, HOW["sampled"])
    assert steps[0] == 12
    assert steps[-1] <= 9
    assert torch.equal(own, theirs)


def test_it_reads_the_weights_of_the_moment(policy: Policy, steps: list[int]) -> None:
    before, _ = both(policy, GROUPS[:4], HOW["greedy"])
    head = policy.model.get_input_embeddings().weight  # tied to the output's
    kept = head.detach().clone()
    try:
        with torch.no_grad():
            head[:] = kept.roll(1, dims=0)
        own, theirs = both(policy, GROUPS[:4], HOW["greedy"])
    finally:
        with torch.no_grad():
            head[:] = kept
    assert torch.equal(own, theirs)
    assert not torch.equal(own, before)


def test_heads_may_share_keys_and_values(
    fresh_policies: dict[str, Path], tmp_path: Path, steps: list[int]
) -> None:
    """Grouped queries, as the models have them that people train: 4 heads, 2 of them for keys."""
    from transformers import AutoConfig, AutoModelForImageTextToText

    config = AutoConfig.from_pretrained(fresh_policies["qwen2.5-vl"])
    config.text_config.num_key_value_heads = 2
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32).eval()
    whole = load(ModelSettings(policy=str(fresh_policies["qwen2.5-vl"])))
    model.generation_config = whole.model.generation_config
    writing.write_by_own_loop(model)
    own, theirs = both(Policy(model, whole.processor, whole.family), GROUPS, HOW["sampled"])
    assert torch.equal(own, theirs)
    assert steps


def test_what_it_does_not_know_is_left_to_transformers(
    fresh_policies: dict[str, Path], steps: list[int]
) -> None:
    policy = load(ModelSettings(policy=str(fresh_policies["llava-1.5"])))
    inputs = inputs_of(policy, SAMPLES)
    config = Sampling(HOW["greedy"], max_tokens=3).generation_config(policy)
    whole = policy.model.generate(**inputs, generation_config=config)
    seen = len(steps)
    assert seen
    config.return_dict_in_generate = True
    assert torch.equal(policy.model.generate(**inputs, generation_config=config).sequences, whole)
    config.return_dict_in_generate, config.num_beams = False, 2
    policy.model.generate(**inputs, generation_config=config)
    assert len(steps) == seen
    get_peft_model(policy.model, LoraConfig(r=2, target_modules=r".*language_model.*q_proj"))
    assert not decoder.fits(policy.model)


def test_a_decoder_of_another_family_is_left_to_transformers(
    fresh_policies: dict[str, Path],
) -> None:
    """Such as Qwen3's, whose keys have a norm of their own: it has all that is looked for here."""
    policy = load(ModelSettings(policy=str(fresh_policies["llava-1.5"])))
    assert decoder.fits(policy.model)
    text = policy.model.model.language_model
    text.__class__ = type("Qwen3Model", (type(text),), {})
    assert not decoder.fits(policy.model)


def test_a_large_policy_keeps_transformers_loop(
    fresh_policies: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balcap.policies.threads.SMALL", 1000)
    policy = load(ModelSettings(policy=str(fresh_policies["llava-1.5"])))
    assert "generate" not in vars(policy.model)


def test_rows_that_repeat_the_one_before_are_left_out() -> None:
    """Qwen's pictures, of 2, 2, 1 and 1 patches: the third row has another prompt, the last one
    another picture."""
    patches = torch.tensor([[1.0], [2.0], [1.0], [2.0], [1.0], [9.0]])
    grids = torch.tensor([[1, 1, 2], [1, 1, 2], [1, 1, 1], [1, 1, 1]])
    prompts = torch.tensor([[7, 8], [7, 8], [7, 9], [7, 9]])
    few, rows = distinct({"input_ids": prompts, "pixel_values": patches, "image_grid_thw": grids})
    assert rows.tolist() == [0, 0, 1, 2]
    assert few["input_ids"].tolist() == [[7, 8], [7, 9], [7, 9]]
    assert few["pixel_values"].flatten().tolist() == [1.0, 2.0, 1.0, 9.0]
    assert few["image_grid_thw"].tolist() == [[1, 1, 2], [1, 1, 1], [1, 1, 1]]


def test_rows_in_an_unknown_layout_are_all_kept() -> None:
    """Two prompts and three of something: nobody can say whose the third one is."""
    given = {"input_ids": torch.zeros(2, 3), "pixel_values": torch.zeros(3, 4)}
    few, rows = distinct(given)
    assert rows.tolist() == [0, 1]
    assert few["pixel_values"].shape == (3, 4)
