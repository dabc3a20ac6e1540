"""The settings of a command: frozen, checked when they are made, units in the docstrings.

Imports no torch and no numpy: help and every configuration error must come at once. Defaults that
depend on the policy are None here and filled in by `resolved()`; none of them is given by the
papers, so all are ours (see `Preset`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from balcap.errors import UserError, did_you_mean

TINY_POLICIES = ("tiny-qwen2.5-vl", "tiny-llava-1.5")
"""The policies that travel with the package."""

NORMALIZERS = (
    "grpo", "dr_grpo", "mo_grpo", "gdpo", "gdpo_live", "gd2po", "rvpo",
)  # fmt: skip
NORMALIZER_ALIASES = {"c-gdpo": "gdpo"}
GATES = ("zero", "exclude", "post", "penalty", "none")

DEFAULT_PROMPT = "Describe this image in detail."


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns of a `records` file, where they are not the usual ones.

    Attributes:
        image: file of the image, relative to the image root.
        caption: the reference caption.
        id: unique name of the row.
        prompt: what the policy is asked.
        facts: list of short true statements.
        questions: list of {question, choices, answer}.
    """

    image: str | None = None
    caption: str | None = None
    id: str | None = None
    prompt: str | None = None
    facts: str | None = None
    questions: str | None = None


@dataclass(frozen=True, kw_only=True)
class ShapesSettings:
    """The world of rendered scenes that travels with balcap (`--data shapes`).

    Attributes:
        train: number of training scenes.
        seed: which world; the training and held-out scenes of one seed never overlap.
        captions: what `balcap sft` learns to write: the full reference, the imperfect mixture
            that the embedded policies start from, or a plain list of the grid's cells.
    """

    train: int = 3000
    seed: int = 0
    captions: Literal["reference", "imperfect", "cells"] = "reference"

    def __post_init__(self) -> None:
        at_least("shapes.train", self.train, 1)


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which samples, and which of them are held out.

    Attributes:
        data: KIND:PATH with KIND one of conversations, records, caption-qa; or `shapes`, the
            built-in world. A bare PATH to a Hugging Face data set is `records:hf:NAME`.
        image_root: folder that image names are relative to; default: the data file's folder.
        prompt: what the policy is asked, for rows that do not say.
        max_bad: refuse to start when more than this share of the rows is unusable, in [0, 1].
        check_images: decode every image before the start (`full`), read its header (`header`),
            or only look whether the file is there (`exists`).
        eval_data: held-out data of the same form as `data`; default: split off from `data`.
        eval_samples: number of held-out samples; 0 for none.
        columns: column names for `records`.
        shapes: settings of the built-in world.
    """

    data: str = "shapes"
    image_root: Path | None = None
    prompt: str = DEFAULT_PROMPT
    max_bad: float = 0.05
    check_images: Literal["full", "header", "exists"] = "full"
    eval_data: str | None = None
    eval_samples: int = 300
    columns: Columns = field(default_factory=Columns)
    shapes: ShapesSettings = field(default_factory=ShapesSettings)

    def __post_init__(self) -> None:
        within("max_bad", self.max_bad, 0.0, 1.0)
        at_least("eval_samples", self.eval_samples, 0)


@dataclass(frozen=True, kw_only=True)
class LoraSettings:
    """Low-rank adapters instead of full training.

    Attributes:
        rank: rank of the adapters; 0 trains all weights.
        alpha: scale of the adapters; default: twice the rank.
        dropout: in [0, 1).
        targets: modules to adapt, comma separated, or `all-linear` (of the language model).
    """

    rank: int = 0
    alpha: int | None = None
    dropout: float = 0.0
    targets: str = "all-linear"

    def __post_init__(self) -> None:
        at_least("lora.rank", self.rank, 0)
        within("lora.dropout", self.dropout, 0.0, 0.999)


@dataclass(frozen=True, kw_only=True)
class PolicySettings:
    """The captioner that is trained.

    Attributes:
        policy: `tiny-qwen2.5-vl` or `tiny-llava-1.5` (they travel with balcap), a run of balcap,
            or a hub id or folder of a Qwen2.5-VL or LLaVA-1.5 model.
        dtype: number format of the weights; `auto`: bfloat16 on a GPU, float32 on a CPU.
        freeze_vision: train the language model and the projector only.
        gradient_checkpointing: less memory for more time; default: only for models from outside.
        min_pixels: smallest image, in pixels, that Qwen2.5-VL sees; default: the model's own.
        max_pixels: largest image, in pixels, that Qwen2.5-VL sees; default: the model's own.
        lora: low-rank adapters.
    """

    policy: str = TINY_POLICIES[0]
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    freeze_vision: bool = False
    gradient_checkpointing: bool | None = None
    min_pixels: int | None = None
    max_pixels: int | None = None
    lora: LoraSettings = field(default_factory=LoraSettings)

    @property
    def is_tiny(self) -> bool:
        """Whether the policy travels with balcap."""
        return self.policy in TINY_POLICIES


@dataclass(frozen=True, kw_only=True)
class RolloutSettings:
    """Who writes the captions during training.

    Attributes:
        engine: `hf` (transformers, in this process), `vllm-colocate` (vLLM on the same GPUs) or
            `vllm-server` (a server started with `trl vllm-serve`).
        server_url: address of that server.
        gpu_memory: share of GPU memory that colocated vLLM may take, in (0, 1].
        tensor_parallel: GPUs that share one copy of the model in colocated vLLM.
    """

    engine: Literal["hf", "vllm-colocate", "vllm-server"] = "hf"
    server_url: str = "http://127.0.0.1:8000"
    gpu_memory: float = 0.3
    tensor_parallel: int = 1

    def __post_init__(self) -> None:
        within("rollout.gpu_memory", self.gpu_memory, 0.01, 1.0)
        at_least("rollout.tensor_parallel", self.tensor_parallel, 1)


@dataclass(frozen=True)
class Preset:
    """Defaults that depend on the policy. All ours: BalCapRL publishes none of them.

    Attributes:
        steps: updates of the policy.
        batch: captions per update, over all processes.
        lr: peak learning rate.
        max_tokens: longest caption, in policy tokens.
        save_every: steps between checkpoints.
        eval_batch: captions written at once outside training.
    """

    steps: int
    batch: int
    lr: float
    max_tokens: int
    save_every: int
    eval_batch: int


PRESETS = {
    "tiny": Preset(steps=120, batch=32, lr=4e-4, max_tokens=112, save_every=50, eval_batch=150),
    # CapRL's published run: lr 1e-6, 128 x 8 captions; here a quarter of it, for fewer GPUs.
    "full": Preset(steps=500, batch=256, lr=1e-6, max_tokens=1024, save_every=50, eval_batch=16),
    "lora": Preset(steps=500, batch=256, lr=1e-5, max_tokens=1024, save_every=50, eval_batch=16),
}


@dataclass(frozen=True, kw_only=True)
class RewardSettings:
    """Which heads, how much each counts, and what becomes of their scores.

    Attributes:
        rewards: heads by name, `package.module:Class` or `path.py:Class`, comma separated, each
            with an optional weight: `qa=1,cov=0.5,fluency`. A weight that is not given is 1.
        weights: weights by head name, over those in `rewards`: `qa=1,cov=0.5`.
        normalizer: grpo, dr_grpo, mo_grpo, gdpo (alias c-gdpo), gdpo_live, gd2po or rvpo.
        gate: what becomes of a gated head's score when the caption's length is out of the band:
            `zero` (BalCapRL), `exclude` (leave the cell out), `post` (0 after normalisation),
            `penalty` (no band: minus a linear penalty), or `none`.
        gate_heads: the gated heads, comma separated; default: fluency, where it is selected.
        gate_low: lowest length, as a ratio to the reference's.
        gate_high: highest length, as a ratio to the reference's.
        length_unit: what lengths are counted in: words, policy tokens, or characters.
    """

    rewards: str = "qa,cov,fluency"
    weights: str = ""
    normalizer: str = "gdpo"
    gate: str = "zero"
    gate_heads: str | None = None
    gate_low: float = 0.5
    gate_high: float = 2.0
    length_unit: Literal["words", "tokens", "chars"] = "words"

    def __post_init__(self) -> None:
        one_of("normalizer", self.normalizer, (*NORMALIZERS, *NORMALIZER_ALIASES))
        one_of("gate", self.gate, GATES)
        at_least("gate_low", self.gate_low, 0.0)
        if not self.gate_low < self.gate_high:
            raise UserError(
                f"gate_low is {self.gate_low} and gate_high {self.gate_high}; "
                "the band needs gate_low < gate_high"
            )


@dataclass(frozen=True, kw_only=True)
class TrainSettings(DataSettings, PolicySettings, RewardSettings):
    """Settings of `balcap train`.

    Attributes:
        group_size: captions per sample, compared with each other.
        batch: captions per update, over all processes; a multiple of the group size.
        micro_batch: captions per process that are differentiated at once; default: as many as
            the batch gives each process.
        steps: updates of the policy.
        lr: peak learning rate; falls linearly to 0.
        warmup: steps over which the learning rate rises.
        temperature: of the rollouts; also of the sampled evaluation.
        top_p: nucleus of the rollouts, in (0, 1].
        max_tokens: longest caption, in policy tokens.
        beta: weight of the KL term to the starting policy; 0 needs no second model.
        seed: of weights, data order, sampling and heads.
        eval_rewards: heads of the evaluation before and after, beside the trained ones; those
            that the data cannot serve are left out.
        eval_batch: captions written at once in the evaluation.
        save_every: steps between checkpoints.
        keep_checkpoints: how many checkpoints stay on disk.
        run: folder of the run; default: `runs/` and a name from time and policy.
        resume: folder of a run to continue, with that run's settings.
        dry_run: check everything, score one batch, train nothing.
        rollout: who writes the captions.
        trl: any other field of TRL's `GRPOConfig`, as `--trl.FIELD VALUE`.
    """

    group_size: int = 8
    batch: int | None = None
    micro_batch: int | None = None
    steps: int | None = None
    lr: float | None = None
    warmup: int = 5
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int | None = None
    beta: float = 0.0
    seed: int = 0
    eval_rewards: str = "qa,cov,fluency"
    eval_batch: int | None = None
    save_every: int | None = None
    keep_checkpoints: int = 2
    run: Path | None = None
    resume: Path | None = None
    dry_run: bool = False
    rollout: RolloutSettings = field(default_factory=RolloutSettings)
    trl: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        DataSettings.__post_init__(self)
        RewardSettings.__post_init__(self)
        if self.group_size < 2:
            raise UserError(
                f"group_size is {self.group_size}; a group needs at least 2 captions to compare"
            )
        for name in ("batch", "micro_batch", "steps", "max_tokens", "eval_batch", "save_every"):
            if getattr(self, name) is not None:
                at_least(name, getattr(self, name), 1)
        if self.batch is not None and self.batch % self.group_size:
            raise UserError(
                f"batch is {self.batch} captions and group_size {self.group_size}; the batch must "
                f"be a multiple of the group size, such as {near_multiple(self.batch, self.group_size)}"
            )
        at_least("warmup", self.warmup, 0)
        at_least("beta", self.beta, 0.0)
        at_least("keep_checkpoints", self.keep_checkpoints, 1)
        above("temperature", self.temperature, 0.0)
        if self.lr is not None:
            above("lr", self.lr, 0.0)
        above("top_p", self.top_p, 0.0)
        within("top_p", self.top_p, 0.0, 1.0)

    def resolved(self) -> TrainSettings:
        """Return the settings with every policy-dependent default filled in."""
        preset = PRESETS["tiny" if self.is_tiny else "lora" if self.lora.rank else "full"]
        missing = {
            item.name: getattr(preset, item.name)
            for item in fields(preset)
            if getattr(self, item.name) is None
        }
        if "batch" in missing:
            missing["batch"] = near_multiple(missing["batch"], self.group_size)
        if self.gradient_checkpointing is None:
            missing["gradient_checkpointing"] = not self.is_tiny
        missing["normalizer"] = NORMALIZER_ALIASES.get(self.normalizer, self.normalizer)
        return replace(self, **missing)


SettingsT = TypeVar("SettingsT")


def plain(settings: Any) -> dict[str, Any]:
    """Return settings as nested dictionaries of plain values, ready for YAML."""

    def simple(value: Any) -> Any:
        if isinstance(value, Path):
            return str(value)
        if isinstance(value, Mapping):
            return {key: simple(item) for key, item in value.items()}
        return value

    simplified = simple(asdict(settings))
    assert isinstance(simplified, dict)
    return simplified


def near_multiple(value: int, of: int) -> int:
    """The multiple of `of` that is nearest to `value`, at least `of`."""
    return max(of, round(value / of) * of)


def at_least(name: str, value: float, low: float) -> None:
    """Raise UserError unless `value` >= `low` (NaN fails too)."""
    if not value >= low:
        raise UserError(f"{name} is {value}; it must be at least {low}")


def above(name: str, value: float, low: float) -> None:
    """Raise UserError unless `value` > `low` and finite."""
    if not (value > low and math.isfinite(value)):
        raise UserError(f"{name} is {value}; it must be a number above {low:g}")


def within(name: str, value: float, low: float, high: float) -> None:
    """Raise UserError unless `low` <= `value` <= `high`."""
    if not low <= value <= high:
        raise UserError(f"{name} is {value}; it must be between {low:g} and {high:g}")


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise UserError, with the nearest name, unless `value` is allowed."""
    if value not in allowed:
        raise UserError(
            f"no {name} {value!r}; have {', '.join(allowed)}{did_you_mean(value, allowed)}"
        )
