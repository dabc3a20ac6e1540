"""Does vLLM see the same prompt as the trainer? TRL's colocated mode needs help, and a check.

TRL hands vLLM prompts whose image token is already repeated once per image embedding, and vLLM
repeats it again: 45 prompt tokens became 60 in a measured case (huggingface/trl#6294). The policy
then captions a corrupted prompt, silently. `collapse_image_tokens` undoes the first expansion;
`check_prompt_length` compares the two lengths on one sample before anything is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from balcap.errors import RunError
from balcap.policies import Policy
from balcap.policies.generation import chat
from balcap.types import Sample


def collapse_image_tokens(ids: Sequence[int], image_token: int) -> list[int]:
    """Replace each run of image tokens by one, as vLLM expects of a prompt with one image a run."""
    collapsed: list[int] = []
    for token, run in groupby(ids):
        collapsed += [token] if token == image_token else list(run)
    return collapsed


def prepare(trainer: Any, policy: Policy, sample: Sample) -> None:
    """Make vLLM see the processor's prompts, and stop if it does not."""
    if trainer.vllm_generation.mode == "colocate":
        token = policy.processor.tokenizer.convert_tokens_to_ids(policy.family.image_token)
        help_colocated(trainer, token)
    check_prompt_length(trainer, sample)


def help_colocated(trainer: Any, image_token: int) -> None:
    """Make TRL's colocated vLLM receive prompts whose image tokens are not yet expanded."""
    engine = trainer.vllm_generation.llm
    generate = engine.generate

    def collapsed(prompts: list[dict[str, Any]], *args: Any, **kwargs: Any) -> Any:
        for prompt in prompts:
            if "multi_modal_data" in prompt:
                ids = prompt["prompt_token_ids"]
                prompt["prompt_token_ids"] = collapse_image_tokens(ids, image_token)
        return generate(prompts, *args, **kwargs)

    engine.generate = collapsed


def check_prompt_length(trainer: Any, sample: Sample) -> None:
    """Stop if vLLM and the processor disagree about one sample's prompt.

    Every process calls it, with a sample of its own.

    Raises:
        RunError: with both lengths, and what to do.
    """
    ids, images, _ = trainer._tokenize_prompts([chat(sample, sample.open_image())])
    count = trainer.accelerator.num_processes if trainer.vllm_generation.mode == "server" else 1
    seen, *_ = trainer.vllm_generation.generate(
        prompts=ids, images=images, num_generations=count, profiler=_NoProfiler()
    )
    if len(seen[0]) != len(ids[0]):
        raise RunError(
            f"vLLM turned the prompt of sample {sample.id!r} into {len(seen[0])} tokens, and the "
            f"processor into {len(ids[0])}: the image tokens were expanded twice or not at all "
            "(huggingface/trl#6294), and training would use captions of a corrupted prompt. "
            "Use --rollout.engine hf, or another version of vllm"
        )


class _NoProfiler:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None
