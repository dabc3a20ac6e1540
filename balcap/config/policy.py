"""Which captioner a command loads, and the defaults that depend on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from balcap.config.checks import at_least, counts, within
from balcap.errors import UserError

TINY_POLICIES = ("tiny-qwen2.5-vl", "tiny-llava-1.5")
"""The policies that travel with the package."""

R = TypeVar("R")
Size = Literal["tiny", "full", "lora"]


@dataclass(frozen=True, kw_only=True)
class LoraSettings:
    """Low-rank adapters instead of full training.

    Attributes:
        rank: rank of the adapters; 0 trains all weights.
        alpha: scale of the adapters; default: twice the rank.
        dropout: in [0, 1).
        targets: modules to adapt, comma separated, or `all-linear`; of the language model, unless
            `projector` or `vision` say otherwise.
        projector: adapt the projector's modules of these names too.
        vision: adapt the vision tower's modules of these names too. vLLM serves adapters of the
            language model only.
        merge: put the adapter that the policy has into its weights first, and train new adapters
            (or, with a rank of 0, all weights). The merged weights are kept in the run's folder.
    """

    rank: int = 0
    alpha: int | None = None
    dropout: float = 0.0
    targets: str = "all-linear"
    projector: bool = False
    vision: bool = False
    merge: bool = False

    def __post_init__(self) -> None:
        at_least("lora.rank", self.rank, 0)
        if self.alpha is not None:
            at_least("lora.alpha", self.alpha, 1)
        within("lora.dropout", self.dropout, 0.0, 0.999)


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Which captioner, and how it is loaded.

    Attributes:
        policy: `tiny-qwen2.5-vl` or `tiny-llava-1.5` (shipped with balcap), a run of balcap,
            or a hub id or folder of a Qwen2.5-VL or LLaVA-1.5 model.
        dtype: number format of the weights; `auto`: float32 on a CPU; on a GPU bfloat16, but
            float32 with bfloat16 arithmetic where all weights are trained.
        min_pixels: smallest image, in pixels, that Qwen2.5-VL sees; default: the model's own.
        max_pixels: largest image, in pixels, that Qwen2.5-VL sees; default: the model's own.
    """

    policy: str = TINY_POLICIES[0]
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    min_pixels: int | None = None
    max_pixels: int | None = None

    def __post_init__(self) -> None:
        counts(self, "min_pixels", "max_pixels")

    @property
    def is_tiny(self) -> bool:
        """Whether the policy travels with balcap, or is a run that began with one that does."""
        return origin(self.policy) in TINY_POLICIES

    @property
    def size(self) -> Size:
        """Which of the presets fits."""
        return "tiny" if self.is_tiny else "full"


@dataclass(frozen=True, kw_only=True)
class PolicySettings(ModelSettings):
    """Which parts of the captioner are trained.

    Attributes:
        freeze_vision: leave the vision tower as it is; the language model and the projector train.
        gradient_checkpointing: less memory for more time; default: only for models from outside.
        bits: in which frozen weights are kept; 4 is QLoRA: NF4 below adapters (`lora.rank`), with
            bitsandbytes on a CUDA GPU. Default: as `dtype` says.
        lora: low-rank adapters.
    """

    freeze_vision: bool = False
    gradient_checkpointing: bool | None = None
    bits: Literal[4] | None = None
    lora: LoraSettings = field(default_factory=LoraSettings)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.freeze_vision and self.lora.vision:
            raise UserError(
                "freeze_vision leaves the vision tower as it is, and lora.vision adapts it; "
                "give one of them"
            )

    @property
    def size(self) -> Size:
        """Which of the presets fits."""
        return "tiny" if self.is_tiny else "lora" if self.lora.rank else "full"


@dataclass(frozen=True)
class Preset:
    """Defaults of `balcap train` that depend on the policy. All ours: BalCapRL publishes none.

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


PRESETS: Mapping[Size, Preset] = {
    "tiny": Preset(steps=160, batch=32, lr=2.5e-4, max_tokens=112, save_every=50, eval_batch=150),
    # CapRL's published run: lr 1e-6, 128 x 8 captions; here a quarter of it, for fewer GPUs.
    "full": Preset(steps=500, batch=256, lr=1e-6, max_tokens=1024, save_every=50, eval_batch=16),
    "lora": Preset(steps=500, batch=256, lr=1e-5, max_tokens=1024, save_every=50, eval_batch=16),
}


def unset(settings: Any, preset: Any) -> dict[str, Any]:
    """Return the preset's value for each of its fields that is None in `settings`."""
    names = [item.name for item in fields(preset) if getattr(settings, item.name) is None]
    return {name: getattr(preset, name) for name in names}


def filled_in(kind: type[R], settings: Any, **values: Any) -> R:
    """The same settings as an instance of a subclass whose fields all have a value."""
    given = {item.name: getattr(settings, item.name) for item in fields(settings)}
    return kind(**{**given, **values})


def origin(policy: str) -> str:
    """Return the policy that a run, or a run of a run, began with; anything else unchanged.

    A run's folder holds `config.yaml` with the policy it started from. The search ends at a file
    that cannot be read: whether the folder is of use is for the loader to say.
    """
    import yaml

    seen = set()
    while policy not in seen and (file := Path(policy) / "config.yaml").is_file():
        seen.add(policy)
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            break
        policy = str(content.get("policy", policy)) if isinstance(content, dict) else policy
    return policy
