"""The settings of `balcap sft`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from balcap.config.checks import above, at_least, counts
from balcap.config.data import DataSettings
from balcap.config.policy import PolicySettings, Size, filled_in, unset
from balcap.errors import UserError


@dataclass(frozen=True)
class SftPreset:
    """Defaults of `balcap sft` that depend on the policy.

    Attributes:
        batch: samples per update, over all processes.
        lr: peak learning rate.
        max_tokens: longest caption, in policy tokens.
        save_every: steps between checkpoints.
    """

    batch: int
    lr: float
    max_tokens: int
    save_every: int


SFT_PRESETS: Mapping[Size, SftPreset] = {
    "tiny": SftPreset(batch=32, lr=4e-4, max_tokens=112, save_every=200),
    # Batch and learning rates of LLaVA-1.5's fine-tuning scripts.
    "full": SftPreset(batch=128, lr=2e-5, max_tokens=1024, save_every=200),
    "lora": SftPreset(batch=128, lr=2e-4, max_tokens=1024, save_every=200),
}


@dataclass(frozen=True, kw_only=True)
class SftSettings(PolicySettings, DataSettings):
    """How the policy learns to write the reference captions.

    Attributes:
        epochs: passes over the data; default: 1, where `steps` is not given.
        steps: updates of the policy, in place of `epochs`.
        batch: samples per update, over all processes.
        micro_batch: samples per process that are differentiated at once; default: as many as
            the batch gives each process.
        lr: peak learning rate; falls linearly to 0.
        warmup: steps over which the learning rate rises.
        max_tokens: longest caption, in policy tokens; longer ones are cut.
        seed: of weights and data order.
        save_every: steps between checkpoints.
        run: folder of the run; default: `runs/` and a name from time and policy.
        trl: any other field of TRL's `SFTConfig`.
    """

    presets: ClassVar = SFT_PRESETS

    epochs: float | None = None
    steps: int | None = None
    batch: int | None = None
    micro_batch: int | None = None
    lr: float | None = None
    warmup: int = 5
    max_tokens: int | None = None
    seed: int = 0
    save_every: int | None = None
    run: Path | None = None
    trl: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        DataSettings.__post_init__(self)
        PolicySettings.__post_init__(self)
        counts(self, "steps", "batch", "micro_batch", "max_tokens", "save_every")
        if self.epochs is not None and self.steps is not None:
            raise UserError(
                f"epochs is {self.epochs:g} and steps {self.steps}; both say how long: give one"
            )
        for name in ("epochs", "lr"):
            if getattr(self, name) is not None:
                above(name, getattr(self, name), 0.0)
        at_least("warmup", self.warmup, 0)
        at_least("seed", self.seed, 0)

    def resolved(self) -> ResolvedSftSettings:
        """Return the settings with every default filled in; `epochs` stays None beside `steps`."""
        filled = unset(self, SFT_PRESETS[self.size])
        if self.epochs is None and self.steps is None:
            filled["epochs"] = 1.0
        if self.gradient_checkpointing is None:
            filled["gradient_checkpointing"] = not self.is_tiny
        return filled_in(ResolvedSftSettings, self, **filled)


@dataclass(frozen=True, kw_only=True)
class ResolvedSftSettings(SftSettings):
    """The settings of a supervised training with every default filled in."""

    batch: int
    lr: float
    max_tokens: int
    save_every: int
    gradient_checkpointing: bool
