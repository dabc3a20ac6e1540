"""The settings of `balcap caption`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from balcap.config.checks import at_least, counts
from balcap.config.data import DEFAULT_PROMPT
from balcap.config.policy import PRESETS, ModelSettings, Size, filled_in, unset
from balcap.config.sampling import SamplingSettings
from balcap.errors import UserError


@dataclass(frozen=True)
class CaptionPreset:
    """Defaults of `balcap caption` that depend on the policy: those of the evaluation.

    Attributes:
        max_tokens: longest caption, in policy tokens.
        batch: images captioned at once.
    """

    max_tokens: int
    batch: int


CAPTION_PRESETS: Mapping[Size, CaptionPreset] = {
    size: CaptionPreset(max_tokens=PRESETS[size].max_tokens, batch=PRESETS[size].eval_batch)
    for size in ("tiny", "full")
}


@dataclass(frozen=True, kw_only=True)
class CaptionSettings(SamplingSettings, ModelSettings):
    """Which images, and how their captions are written.

    Attributes:
        images: files to caption.
        prompt: what the policy is asked.
        max_tokens: longest caption, in policy tokens.
        batch: images captioned at once.
        seed: of the sampling.
        json: print one JSON object per image, with `image` and `caption`.
    """

    presets: ClassVar = CAPTION_PRESETS

    images: tuple[Path, ...] = field(default=(), metadata={"positional": "IMAGE"})
    prompt: str = DEFAULT_PROMPT
    max_tokens: int | None = None
    batch: int | None = None
    seed: int = 0
    json: bool = False

    def __post_init__(self) -> None:
        ModelSettings.__post_init__(self)
        SamplingSettings.__post_init__(self)
        if not self.images:
            raise UserError("no images; write one or more image files: balcap caption a.jpg b.jpg")
        counts(self, "max_tokens", "batch")
        at_least("seed", self.seed, 0)

    def resolved(self) -> ResolvedCaptionSettings:
        """Return the settings with every policy-dependent default filled in."""
        return filled_in(ResolvedCaptionSettings, self, **unset(self, CAPTION_PRESETS[self.size]))


@dataclass(frozen=True, kw_only=True)
class ResolvedCaptionSettings(CaptionSettings):
    """The settings of `balcap caption` with every default filled in."""

    max_tokens: int
    batch: int
