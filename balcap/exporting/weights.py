"""A run's policy in the form in which it is exported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from balcap.config import ModelSettings
from balcap.policies import Located, Policy, load
from balcap.policies.generation import Sampling, write_captions
from balcap.policies.loading import dtype_of
from balcap.types import Sample


def to_export(settings: ModelSettings, located: Located, *, alone: bool) -> Policy:
    """The policy, its adapters merged unless they are exported alone.

    They are merged in float32, whatever the number format of the result: a bfloat16 weight has no
    room for most of what an adapter adds to it.
    """
    if located.adapter is None or alone:
        return load(settings, origin=located)
    policy = load(replace(settings, dtype="float32"), origin=located)
    merged = policy.model.merge_and_unload().to(dtype_of(settings))
    return Policy(merged, policy.processor, policy.family)


def captions(policy: Policy, samples: Sequence[Sample], sampling: Sampling) -> list[str]:
    """What the policy in memory writes."""
    return [caption.text for caption in write_captions(policy, samples, sampling)]


def write(policy: Policy, folder: Path, sampling: Sampling) -> None:
    """Write weights, processor and decoding as transformers and peft keep them."""
    decoding = sampling.generation_config(policy)
    policy.model.generation_config = decoding
    policy.model.save_pretrained(folder)
    policy.processor.save_pretrained(folder)
    decoding.save_pretrained(folder)
