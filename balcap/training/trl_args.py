"""balcap's settings as TRL's `GRPOConfig`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from balcap.config import ResolvedSftSettings, ResolvedTrainSettings
from balcap.errors import UserError
from balcap.policies.loading import computes_in_bf16


def micro_batch(settings: ResolvedTrainSettings | ResolvedSftSettings, processes: int) -> int:
    """Captions that one process differentiates at once.

    Args:
        settings: resolved.
        processes: number of processes that train.

    Raises:
        UserError: if batch, micro batch and number of processes do not divide.
    """
    share, rest = divmod(settings.batch, processes)
    if rest:
        raise UserError(
            f"batch is {settings.batch} captions and there are {processes} processes; "
            f"the batch must be a multiple of {processes}"
        )
    size = settings.micro_batch or share
    if share % size:
        raise UserError(
            f"micro_batch is {size}; it must divide the {share} captions that each of "
            f"{processes} process(es) has of batch {settings.batch}"
        )
    return size


def grpo_config(settings: ResolvedTrainSettings, checkpoints: Path, processes: int) -> Any:
    """Return the `GRPOConfig` of resolved settings; `--trl.FIELD` comes last and wins.

    Args:
        settings: resolved.
        checkpoints: folder for checkpoints.
        processes: number of processes that train.
    """
    import torch
    from trl import GRPOConfig

    size = micro_batch(settings, processes)
    on_gpu = torch.cuda.is_available()
    ours: dict[str, Any] = {
        "output_dir": str(checkpoints),
        "max_steps": settings.steps,
        "learning_rate": settings.lr,
        "lr_scheduler_type": "linear",
        "warmup_steps": settings.warmup,
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": settings.batch // (size * processes),
        "num_generations": settings.group_size,
        "max_completion_length": settings.max_tokens,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "top_k": settings.top_k,
        "min_p": settings.min_p or None,
        "repetition_penalty": settings.repetition_penalty,
        "generation_kwargs": _more_sampling(settings),
        "beta": settings.beta,
        "shuffle_dataset": False,  # the trainer shuffles: see trainer.drawn
        "seed": settings.seed,
        "bf16": computes_in_bf16(settings),
        "use_cpu": not on_gpu,
        "gradient_checkpointing": settings.gradient_checkpointing,
        "save_strategy": "steps",
        "save_steps": settings.save_every,
        "save_total_limit": settings.keep_checkpoints,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would show a loss that is not finite as 0
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": on_gpu,
    }
    return GRPOConfig(**{**ours, **_engine(settings), **settings.trl})


def _more_sampling(settings: ResolvedTrainSettings) -> dict[str, Any] | None:
    """What `GRPOConfig` has no field for, in the words of the engine that draws."""
    if settings.rollout.engine == "hf":
        named = {
            "min_new_tokens": settings.min_new_tokens,
            "no_repeat_ngram_size": settings.no_repeat_ngram,
        }
    else:
        named = {"min_tokens": settings.min_new_tokens}
        if settings.no_repeat_ngram:
            raise UserError(
                f"no_repeat_ngram is {settings.no_repeat_ngram}, and vLLM has no such setting; "
                "leave it out, or write rollouts with --rollout.engine hf"
            )
    return {name: value for name, value in named.items() if value} or None


def _engine(settings: ResolvedTrainSettings) -> dict[str, Any]:
    rollout = settings.rollout
    if rollout.engine == "hf":
        return {}
    vllm: dict[str, Any] = {
        "use_vllm": True,
        # vLLM's log-probabilities are those of the tokens that it draws from, the loss's those of
        # all tokens: with top_p 0.95 their ratio is about 0.95 a token, 0.007 for 96 of them (seen
        # on a GPU), and the corrected gradient 150 times too small.
        "vllm_importance_sampling_correction": not settings.reshaped_by,
    }
    if rollout.engine == "vllm-server":
        return vllm | {
            "vllm_mode": "server",
            "vllm_server_base_url": rollout.server_url,
            "vllm_server_timeout": rollout.server_timeout,
        }
    return vllm | {
        "vllm_mode": "colocate",
        "vllm_gpu_memory_utilization": rollout.gpu_memory,
        "vllm_tensor_parallel_size": rollout.tensor_parallel,
        "vllm_max_model_length": rollout.max_length,
        "vllm_enable_sleep_mode": rollout.sleep,
    }
