"""Which fields of TRL's configuration may be set as `--trl.FIELD`?

Their names are read from the source files of TRL and transformers: importing those takes seconds,
and a mistake in a setting must be told at once.
"""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

from balcap.errors import UserError, did_you_mean

_SHARED = {
    "output_dir": "run",
    "learning_rate": "lr",
    "max_steps": "steps",
    "warmup_steps": "warmup",
    "per_device_train_batch_size": "batch and micro_batch",
    "gradient_accumulation_steps": "batch and micro_batch",
    "auto_find_batch_size": "batch and micro_batch",
    "save_steps": "save_every",
    "save_strategy": "save_every",
    "seed": "seed",
    "bf16": "dtype",
    "fp16": "dtype",
    "gradient_checkpointing": "gradient_checkpointing",
    "activation_checkpointing": "gradient_checkpointing",
}

OURS: dict[str, dict[str, str]] = {
    "GRPOConfig": _SHARED
    | {
        "num_train_epochs": "steps",
        "save_total_limit": "keep_checkpoints",
        "resume_from_checkpoint": "resume",
        "num_generations": "group_size",
        "num_generations_eval": "group_size",
        "generation_batch_size": "batch",
        "steps_per_generation": "batch and micro_batch",
        "max_completion_length": "max_tokens",
        "temperature": "temperature",
        "top_p": "top_p",
        "top_k": "top_k",
        "min_p": "min_p",
        "repetition_penalty": "repetition_penalty",
        "generation_kwargs": "repetition_penalty and no_repeat_ngram and min_new_tokens",
        "beta": "beta",
        "reward_weights": "weights",
        "scale_rewards": "normalizer",
        "multi_objective_aggregation": "normalizer",
        "use_vllm": "rollout.engine",
        "vllm_mode": "rollout.engine",
        "vllm_server_base_url": "rollout.server_url",
        "vllm_server_host": "rollout.server_url",
        "vllm_server_port": "rollout.server_url",
        "vllm_gpu_memory_utilization": "rollout.gpu_memory",
        "vllm_tensor_parallel_size": "rollout.tensor_parallel",
    },
    "SFTConfig": _SHARED | {"num_train_epochs": "epochs", "max_length": "max_tokens"},
}
"""TRL's fields that balcap fills in, each with the setting that says how."""

_SAVED = {
    "save_only_model": "a run is resumed from its checkpoints, so they hold the optimiser too",
    "enable_jit_checkpoint": "balcap saves a checkpoint on SIGTERM itself",
}
NEVER: dict[str, dict[str, str]] = {
    "GRPOConfig": _SAVED
    | {
        "logging_steps": "every step is logged",
        "logging_strategy": "every step is logged",
        "cache_implementation": "evaluations write captions by the same settings as rollouts",
        "logging_nan_inf_filter": "a loss that is not finite must be seen",
    },
    "SFTConfig": _SAVED,
}
"""TRL's fields that nobody may set, with the reason."""

_FILES = {
    "GRPOConfig": ("trl", "trainer/grpo_config.py"),
    "SFTConfig": ("trl", "trainer/sft_config.py"),
    "_BaseConfig": ("trl", "trainer/base_config.py"),
    "TrainingArguments": ("transformers", "training_args.py"),
}


def check_trl_field(config: str, name: str) -> None:
    """Raise UserError unless `name` is a field of TRL's `config` that is the user's to set."""
    if name in OURS[config]:
        raise UserError(f"trl.{name} is set by balcap; use its setting {OURS[config][name]}")
    if name in NEVER[config]:
        raise UserError(f"trl.{name} cannot be set: {NEVER[config][name]}; leave it out")
    known = trl_fields(config)
    if name not in known:
        free = known - set(OURS[config]) - set(NEVER[config])
        raise UserError(f"no field {name!r} in TRL's {config}{did_you_mean(name, free)}")


def trl_fields(config: str) -> set[str]:
    """Return the names of the fields of `GRPOConfig` or `SFTConfig`, inherited ones included."""
    return set().union(*(_fields(cls) for cls in (config, "_BaseConfig", "TrainingArguments")))


def _fields(cls: str) -> set[str]:
    package, file = _FILES[cls]
    spec = importlib.util.find_spec(package)  # of a package at the top: does not import it
    if spec is None or spec.origin is None:
        raise UserError(f"{package} is not installed, so no trl.FIELD can be set")
    source = (Path(spec.origin).parent / file).read_text(encoding="utf-8")
    body = next(
        node.body
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == cls
    )
    return {
        node.target.id
        for node in body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
