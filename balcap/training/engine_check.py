"""Can the chosen engine write these rollouts? As far as that is known before a model is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from importlib.util import find_spec

from balcap.config import ResolvedTrainSettings, RolloutSettings
from balcap.errors import UserError

READ_BY = {
    "server_url": "vllm-server",
    "server_timeout": "vllm-server",
    "gpu_memory": "vllm-colocate",
    "tensor_parallel": "vllm-colocate",
    "max_length": "vllm-colocate",
    "sleep": "vllm-colocate",
    "chunks": "hf",
}
"""The engine that reads each of the rollouts' settings; of a server they are its own options."""


def check_engine(rollout: RolloutSettings, processes: int) -> None:
    """Check the engine alone, before any data is read.

    Raises:
        UserError: if vLLM is not installed, or its copies do not divide the processes.
    """
    if rollout.engine != "hf" and find_spec("vllm") is None:
        raise UserError(
            f"rollout.engine is {rollout.engine!r}, and vllm is not installed; "
            "pip install 'balcap[vllm]' on a machine with a GPU, or use --rollout.engine hf"
        )
    if rollout.engine == "vllm-colocate" and processes % rollout.tensor_parallel:
        raise UserError(
            f"rollout.tensor_parallel is {rollout.tensor_parallel}, and {processes} process(es) "
            "train; it must divide them, as so many share one copy of vLLM: start a multiple of it "
            "by accelerate launch --num_processes, or leave it out"
        )


def check_length(settings: ResolvedTrainSettings) -> None:
    """Raise UserError if the longest caption leaves colocated vLLM no token for a prompt."""
    longest = settings.rollout.max_length
    if settings.rollout.engine != "vllm-colocate" or longest is None:
        return
    if longest <= settings.max_tokens:
        raise UserError(
            f"rollout.max_length is {longest}, and captions have up to {settings.max_tokens} "
            "tokens (max_tokens); it must hold prompt, image and caption together: raise it, or "
            "lower --max-tokens"
        )


def check_chunks(settings: ResolvedTrainSettings, processes: int) -> None:
    """Raise UserError if a process's captions of a step are not as many whole groups as pieces."""
    chunks, share = settings.rollout.chunks, settings.batch // processes
    if chunks == 1 or settings.rollout.engine != "hf":
        return
    groups, rest = divmod(share, settings.group_size)
    if rest or chunks > groups:
        raise UserError(
            f"rollout.chunks is {chunks}, and each of {processes} process(es) writes {share} "
            f"captions a step in groups of {settings.group_size}; a piece is one whole group or "
            "more: use fewer pieces, or a larger --batch"
        )


ONE_UPDATE = {
    "num_iterations": 1,
    "steps_per_generation": None,
    "generation_batch_size": None,
    "log_completions": False,
}
"""TRL's fields that make a batch more or less than an update, or show it before it has scores; with
the only value that `rollout.ahead` can do with."""


def check_ahead(settings: ResolvedTrainSettings) -> None:
    """Raise UserError if a batch that is written ahead would not be the captions of one update."""
    if not settings.rollout.ahead:
        return
    if settings.rollout.chunks > 1:
        raise UserError(
            f"rollout.ahead is 1 and rollout.chunks {settings.rollout.chunks}; a batch that is "
            "written ahead is scored during a whole step as it is: leave one of them out"
        )
    for name, only in ONE_UPDATE.items():
        if (value := settings.trl.get(name, only)) != only:
            raise UserError(
                f"rollout.ahead is 1 and trl.{name} {value!r}; what is written ahead is the batch "
                f"of one update, and is shown once it is scored: leave out --trl.{name}, or "
                "--rollout.ahead"
            )


def unread(rollout: RolloutSettings) -> Iterator[str]:
    """Say which settings of the rollouts are set and not read by their engine."""
    for field in fields(rollout):
        reader = READ_BY.get(field.name, rollout.engine)
        if reader != rollout.engine and getattr(rollout, field.name) != field.default:
            yield (
                f"rollout.{field.name} is set, and rollouts are written by {rollout.engine}, which "
                f"does not read it; {reader} does"
            )
