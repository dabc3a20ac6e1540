"""Prompts for vLLM: expanded by the processor, collapsed again for TRL's colocated mode."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from balcap.config import DataSettings, ModelSettings, ShapesSettings
from balcap.data import shapes
from balcap.errors import RunError
from balcap.policies import load
from balcap.policies.generation import chat
from balcap.policies.vllm import check_prompt_length, collapse_image_tokens, prepare

(SAMPLE,), _ = shapes.load(DataSettings(eval_samples=0, shapes=ShapesSettings(train=1)))


def test_each_run_of_image_tokens_becomes_one() -> None:
    assert collapse_image_tokens([1, 9, 9, 9, 2, 2, 9, 3], image_token=9) == [1, 9, 2, 2, 9, 3]
    assert collapse_image_tokens([], image_token=9) == []


class Vllm:
    """Expands every image token to nine, as vLLM does with a prompt of token ids."""

    def __init__(self, image_token: int) -> None:
        self.image_token = image_token

    def generate(self, prompts: list[dict[str, Any]]) -> list[list[int]]:
        return [
            [
                t
                for token in p["prompt_token_ids"]
                for t in [token] * (9 if token == self.image_token else 1)
            ]
            for p in prompts
        ]


class Trainer:
    """The little of TRL's trainer that the check uses."""

    def __init__(self, policy: Any) -> None:
        self.policy = policy
        self.accelerator = SimpleNamespace(num_processes=1)
        token = policy.processor.tokenizer.convert_tokens_to_ids(policy.family.image_token)
        self.vllm_generation = SimpleNamespace(
            mode="colocate", llm=Vllm(token), generate=self._generate
        )

    def _tokenize_prompts(self, prompts: list[Any]) -> Any:
        ids = self.policy.processor.apply_chat_template(
            prompts, add_generation_prompt=True, tokenize=True, return_dict=True
        )["input_ids"]
        return ids, [[SAMPLE.open_image()]], {}

    def _generate(self, prompts: list[list[int]], images: Any, **_: Any) -> Any:
        rows = [
            {"prompt_token_ids": ids, "multi_modal_data": {"image": image}}
            for ids, image in zip(prompts, images, strict=True)
        ]
        return self.vllm_generation.llm.generate(rows), None


@pytest.mark.parametrize("family", ["qwen2.5-vl", "llava-1.5"])
def test_a_double_expansion_stops_the_run(family: str, fresh_policies: dict[str, Path]) -> None:
    policy = load(ModelSettings(policy=str(fresh_policies[family])))
    trainer = Trainer(policy)
    prompt = trainer._tokenize_prompts([chat(SAMPLE, SAMPLE.open_image())])[0][0]
    # nine image tokens, each expanded to nine again: 72 more than there should be
    with pytest.raises(RunError, match=rf"into {len(prompt) + 72} tokens.*into {len(prompt)}:"):
        check_prompt_length(trainer, SAMPLE)


@pytest.mark.parametrize("family", ["qwen2.5-vl", "llava-1.5"])
def test_collapsed_prompts_have_the_processors_length(
    family: str, fresh_policies: dict[str, Path]
) -> None:
    policy = load(ModelSettings(policy=str(fresh_policies[family])))
    prepare(Trainer(policy), policy, SAMPLE)
