"""Captions outside training: a policy, samples, and how to sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from balcap.config import TrainSettings
from balcap.policies import Policy
from balcap.types import Caption, Sample


@dataclass(frozen=True, slots=True)
class Sampling:
    """How captions are drawn.

    Attributes:
        temperature: 0 is greedy.
        top_p: nucleus, in (0, 1].
        max_tokens: longest caption, in policy tokens.
        batch: captions written at once.
        seed: of the draws; the caller's random state is left as it was.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 256
    batch: int = 16
    seed: int = 0

    @staticmethod
    def of(settings: TrainSettings, *, greedy: bool = False) -> Sampling:
        """As the resolved settings of a training say: like its rollouts, or greedily."""
        assert settings.max_tokens is not None
        assert settings.eval_batch is not None
        return Sampling(
            temperature=0.0 if greedy else settings.temperature,
            top_p=settings.top_p,
            max_tokens=settings.max_tokens,
            batch=settings.eval_batch,
            seed=settings.seed,
        )


def chat(sample: Sample, *, image: bool = True) -> list[dict[str, Any]]:
    """The conversation that asks for a caption, with or without the picture inside."""
    text = {"type": "text", "text": sample.prompt}
    content = [{"type": "image", "image": sample.open_image()}, text] if image else [text]
    return [{"role": "user", "content": content}]


def write_captions(
    policy: Policy, samples: Sequence[Sample], sampling: Sampling, *, synced: bool = False
) -> Iterator[Caption]:
    """Caption samples, one each, in their order, batch by batch.

    Args:
        policy: who writes.
        samples: what is described; every one needs an image.
        sampling: how.
        synced: keep processes in step while any still writes (sharded weights need it).
    """
    import torch

    devices = [policy.model.device] if policy.model.device.type == "cuda" else []
    was_training = policy.model.training
    policy.model.eval()
    try:
        for start in range(0, len(samples), sampling.batch):
            with torch.random.fork_rng(devices), torch.no_grad():
                torch.manual_seed(sampling.seed * 1_000_003 + start)
                yield from _one_batch(
                    policy, samples[start : start + sampling.batch], sampling, synced
                )
    finally:
        policy.model.train(was_training)


def _one_batch(
    policy: Policy, samples: Sequence[Sample], sampling: Sampling, synced: bool
) -> list[Caption]:
    tokenizer = policy.processor.tokenizer
    inputs = policy.processor.apply_chat_template(
        [chat(sample) for sample in samples],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True},
    ).to(policy.model.device)
    how: dict[str, Any] = {"do_sample": False}
    if sampling.temperature > 0:
        # top_k 0: transformers would otherwise cut every draw to the 50 likeliest tokens
        how = {
            "do_sample": True,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": 0,
        }
    written = policy.model.generate(
        **inputs, **how, max_new_tokens=sampling.max_tokens, synced_gpus=synced
    )
    tokens = written[:, inputs["input_ids"].shape[1] :]
    texts = tokenizer.batch_decode(tokens, skip_special_tokens=True)
    lengths = (tokens != tokenizer.pad_token_id).sum(dim=1).tolist()
    return [
        Caption(sample, text.strip(), length)
        for sample, text, length in zip(samples, texts, lengths, strict=True)
    ]
