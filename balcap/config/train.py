"""The settings of `balcap train`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from balcap.config.checks import above, at_least, counts, within
from balcap.config.data import DataSettings
from balcap.config.methods import NORMALIZER_ALIASES
from balcap.config.policy import PRESETS, PolicySettings, filled_in, unset
from balcap.config.reward import RewardSettings
from balcap.config.sampling import SamplingSettings
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class RolloutSettings:
    """Who writes the captions during training.

    Attributes:
        engine: `hf` (transformers, in this process), `vllm-colocate` (vLLM on the same GPUs) or
            `vllm-server` (a server started with `trl vllm-serve`).
        server_url: address of that server.
        server_timeout: seconds until that server must be up.
        gpu_memory: share of GPU memory that colocated vLLM may take, in (0, 1].
        tensor_parallel: GPUs that share one copy of the model in colocated vLLM.
        max_length: longest prompt and caption together in colocated vLLM, in policy tokens, those
            of the image included; default: what the model allows. A smaller one saves memory.
        sleep: colocated vLLM gives its memory back while the policy is updated; waking it takes
            time at each step.
        chunks: pieces of whole groups in which `hf` writes each process's captions of a step;
            heads score a finished one while the next is written. More of them draw other captions
            than one does, and write a little longer.
        ahead: 1: the next batch is written and its scoring begun before this one updates the
            policy, so that judges have the time of a whole step. Off-policy: captions are one
            update old; the loss corrects for it by its clipped ratio. 0: on-policy.
    """

    engine: Literal["hf", "vllm-colocate", "vllm-server"] = "hf"
    server_url: str = "http://127.0.0.1:8000"
    server_timeout: float = 240.0
    gpu_memory: float = 0.3
    tensor_parallel: int = 1
    max_length: int | None = None
    sleep: bool = False
    chunks: int = 1
    ahead: int = 0

    def __post_init__(self) -> None:
        above("rollout.gpu_memory", self.gpu_memory, 0.0)
        within("rollout.gpu_memory", self.gpu_memory, 0.0, 1.0)
        at_least("rollout.tensor_parallel", self.tensor_parallel, 1)
        above("rollout.server_timeout", self.server_timeout, 0.0)
        at_least("rollout.chunks", self.chunks, 1)
        within("rollout.ahead", self.ahead, 0, 1)
        if self.max_length is not None:
            at_least("rollout.max_length", self.max_length, 1)


# The bases stand from last to first: a data class lists the fields of its last base first.
@dataclass(frozen=True, kw_only=True)
class TrainSettings(RewardSettings, SamplingSettings, PolicySettings, DataSettings):
    """How the policy is trained, and what is kept of it.

    Attributes:
        group_size: captions per sample, compared with each other.
        batch: captions per update, over all processes; a multiple of the group size.
        micro_batch: captions per process that are differentiated at once; default: as many as
            the batch gives each process.
        steps: updates of the policy.
        lr: peak learning rate; falls linearly to 0.
        warmup: steps over which the learning rate rises.
        temperature: of the rollouts, as all settings of the sampling; the evaluation before and
            after draws by the same ones, and once more greedily.
        max_tokens: longest caption, in policy tokens; the default is lowered to 8 for each word of
            the longest reference.
        beta: weight of the KL term to the starting policy; 0 needs no second model.
        seed: of weights, data order, sampling and heads.
        eval_rewards: heads of the evaluation before and after, beside the trained ones; those
            that the data cannot serve are left out.
        eval_batch: captions written at once in the evaluation.
        max_unscored: share of a head's captions in a step, in [0, 1], that its judge may leave
            without a score; above it, training waits for the judge.
        judge_wait: seconds that training and its evaluations wait for a judge; then the run is
            saved and stops with exit code 3.
        max_dead_steps: steps in a row in which no caption has an advantage, after which the
            training stops; 0: never. The default is ours.
        save_every: steps between checkpoints.
        keep_checkpoints: how many checkpoints stay on disk.
        run: folder of the run; default: `runs/` and a name from time and policy.
        resume: folder of a run to continue, with that run's settings; takes no other setting but
            `--judge.url` (and `--HEAD.judge.url`), for a judge that has moved.
        dry_run: check everything, score one batch, train nothing.
        wandb: send metrics, scores and sample captions to Weights & Biases; WANDB_MODE=offline
            keeps them in the run's folder, for `wandb sync`.
        wandb_project: project there and of Trackio; default: WANDB_PROJECT (TRACKIO_PROJECT), or
            `balcap`.
        tensorboard: the same for TensorBoard, in the run's folder.
        trackio: the same for Trackio.
        captions_every: steps after which the policy's greedy captions of the same 16 held-out
            samples are kept, in the run's `captions-during.json` and by the trackers; 0: never.
        rollout: who writes the captions.
        trl: any other field of TRL's `GRPOConfig`.
    """

    presets: ClassVar = PRESETS

    group_size: int = 8
    batch: int | None = None
    micro_batch: int | None = None
    steps: int | None = None
    lr: float | None = None
    warmup: int = 5
    temperature: float = 1.0
    max_tokens: int | None = None
    beta: float = 0.0
    seed: int = 0
    eval_rewards: str = "qa,cov,fluency"
    eval_batch: int | None = None
    max_unscored: float = 0.1
    judge_wait: float = 600.0
    max_dead_steps: int = 20
    save_every: int | None = None
    keep_checkpoints: int = 2
    run: Path | None = None
    resume: Path | None = None
    dry_run: bool = False
    wandb: bool = False
    wandb_project: str | None = None
    tensorboard: bool = False
    trackio: bool = False
    captions_every: int = 0
    rollout: RolloutSettings = field(default_factory=RolloutSettings)
    trl: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        DataSettings.__post_init__(self)
        PolicySettings.__post_init__(self)
        RewardSettings.__post_init__(self)
        SamplingSettings.__post_init__(self)
        if not self.group_size >= 2:
            raise UserError(
                f"group_size is {self.group_size}; a group needs at least 2 captions to compare"
            )
        counts(
            self, "batch", "micro_batch", "steps", "max_tokens", "eval_batch", "save_every",
            "keep_checkpoints",
        )  # fmt: skip
        if self.batch is not None and self.batch % self.group_size:
            raise UserError(
                f"batch is {self.batch} captions and group_size {self.group_size}; the batch must "
                f"be a multiple of the group size, such as "
                f"{near_multiple(self.batch, self.group_size)}"
            )
        if self.lr is not None:
            above("lr", self.lr, 0.0)
        at_least("warmup", self.warmup, 0)
        above("temperature", self.temperature, 0.0)
        at_least("beta", self.beta, 0.0)
        within("max_unscored", self.max_unscored, 0.0, 1.0)
        at_least("judge_wait", self.judge_wait, 0.0)
        at_least("seed", self.seed, 0)
        at_least("max_dead_steps", self.max_dead_steps, 0)
        at_least("captions_every", self.captions_every, 0)

    @property
    def trackers(self) -> tuple[str, ...]:
        """The experiment trackers that are asked for."""
        asked = {"wandb": self.wandb, "tensorboard": self.tensorboard, "trackio": self.trackio}
        return tuple(name for name, wanted in asked.items() if wanted)

    def resolved(self) -> ResolvedTrainSettings:
        """Return the settings with every policy-dependent default filled in."""
        filled = unset(self, PRESETS[self.size])
        if "batch" in filled:
            filled["batch"] = near_multiple(filled["batch"], self.group_size)
        if self.gradient_checkpointing is None:
            filled["gradient_checkpointing"] = not self.is_tiny
        filled["normalizer"] = NORMALIZER_ALIASES.get(self.normalizer, self.normalizer)
        return filled_in(ResolvedTrainSettings, self, **filled)


@dataclass(frozen=True, kw_only=True)
class ResolvedTrainSettings(TrainSettings):
    """The settings of a training with every default filled in, as `config.yaml` has them."""

    batch: int
    steps: int
    lr: float
    max_tokens: int
    eval_batch: int
    save_every: int
    gradient_checkpointing: bool


def near_multiple(value: int, of: int) -> int:
    """The multiple of `of` that is nearest to `value`, at least `of`."""
    return max(of, round(value / of) * of)
