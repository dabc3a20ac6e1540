"""Captions outside training: a policy, samples, and how to sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from balcap.config import ResolvedTrainSettings, SamplingSettings
from balcap.policies import Policy, threads
from balcap.policies.images import read_image
from balcap.types import Caption, Sample

if TYPE_CHECKING:
    from PIL.Image import Image
    from transformers import GenerationConfig


@dataclass(frozen=True, slots=True)
class Sampling:
    """How captions are drawn: rollouts, evaluations, `balcap caption` and `balcap eval` alike.

    Attributes:
        how: temperature, nucleus, penalties.
        max_tokens: longest caption, in policy tokens.
        batch: captions written at once.
        seed: of the draws; the caller's random state is left as it was.
    """

    how: SamplingSettings = field(default_factory=SamplingSettings)
    max_tokens: int = 256
    batch: int = 16
    seed: int = 0

    @staticmethod
    def of(settings: ResolvedTrainSettings, *, greedy: bool = False) -> Sampling:
        """As the resolved settings of a training say: like its rollouts, or greedily.

        Greedily, what cuts or tempers the draw has no part; penalties stay.
        """
        how = sampling_of(settings)
        return Sampling(
            replace(how, temperature=0.0) if greedy else how,
            settings.max_tokens,
            settings.eval_batch,
            settings.seed,
        )

    def generation_config(self, policy: Policy) -> GenerationConfig:
        """All of it as transformers takes it. What is not said here is neutral, as `load` leaves
        nothing in the model's own configuration but the tokens that end a caption."""
        from transformers import GenerationConfig

        how, tokenizer = self.how, policy.processor.tokenizer
        draw: dict[str, Any] = {"do_sample": False}
        if how.temperature > 0:
            draw = {
                "do_sample": True,
                "temperature": how.temperature,
                "top_p": how.top_p,
                "top_k": how.top_k,  # 0: transformers would otherwise take 50
                "min_p": how.min_p or None,
            }
        return GenerationConfig(
            **draw,
            max_new_tokens=self.max_tokens,
            min_new_tokens=how.min_new_tokens or None,
            repetition_penalty=how.repetition_penalty,
            no_repeat_ngram_size=how.no_repeat_ngram or None,
            # an image token in a caption has no image features behind it
            suppress_tokens=[policy.model.config.image_token_id],
            eos_token_id=policy.model.generation_config.eos_token_id,
            bos_token_id=tokenizer.bos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            disable_compile=True,
        )


def sampling_of(settings: SamplingSettings) -> SamplingSettings:
    """Of a command's settings, those that are about sampling."""
    return SamplingSettings(**{f.name: getattr(settings, f.name) for f in fields(SamplingSettings)})


def chat(sample: Sample, image: Image) -> list[dict[str, Any]]:
    """The conversation that asks for a caption of an image."""
    content = [{"type": "image", "image": image}, {"type": "text", "text": sample.prompt}]
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

    Raises:
        BadImageError: if an image cannot be used; the batches before it were yielded.
    """
    import torch

    devices = [policy.model.device] if policy.model.device.type == "cuda" else []
    threads.write()
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
    import torch

    tokenizer = policy.processor.tokenizer
    inputs = policy.processor.apply_chat_template(
        [chat(sample, read_image(sample, policy.family)) for sample in samples],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True},
    ).to(policy.model.device)
    config = sampling.generation_config(policy)
    written = policy.model.generate(**inputs, generation_config=config, synced_gpus=synced)
    tokens = written[:, inputs["input_ids"].shape[1] :]
    texts = tokenizer.batch_decode(tokens, skip_special_tokens=True)
    lengths = (tokens != tokenizer.pad_token_id).sum(dim=1).tolist()
    # an end may be the very last token that a caption may have: the length does not tell
    ends = torch.tensor(config.eos_token_id, device=tokens.device)
    finished = torch.isin(tokens, ends).any(dim=1).tolist()
    return [
        Caption(sample, text.strip(), length, ended)
        for sample, text, length, ended in zip(samples, texts, lengths, finished, strict=True)
    ]
