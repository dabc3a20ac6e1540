"""The settings that all of `balcap eval` share: whose captions, which data, who judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from balcap.config.checks import at_least, counts, within
from balcap.config.data import DEFAULT_PROMPT, Columns
from balcap.config.judge import JudgeSettings
from balcap.config.policy import PRESETS, ModelSettings
from balcap.config.sampling import SamplingSettings
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class EvalSettings(SamplingSettings, ModelSettings):
    """Whose captions are evaluated, and on what.

    Attributes:
        captions: file of captions: JSON `{id: caption}`, or JSONL or Parquet with `id` and
            `caption`; the ids are the data's.
        policy: who writes the captions, instead of a file: `tiny-qwen2.5-vl` or `tiny-llava-1.5`,
            a run of balcap, or a hub id or folder of a Qwen2.5-VL or LLaVA-1.5 model.
        data: the protocol's published data: a file, or a data set on the hub.
        image_root: folder that image names are relative to, for `policy`; default: the data file's
            folder.
        out: folder for `items.jsonl` and `summary.json`, from which a second start resumes;
            default: `runs/eval/` and a name made of the settings.
        limit: only the first so many images; the score is then not comparable to published ones.
        prompt: what the policy is asked.
        max_tokens: longest caption, in policy tokens.
        batch: images captioned at once.
        seed: of captions, of anything drawn in the protocol, and of the bootstrap.
    """

    captions: Path | None = None
    policy: str = ""
    data: str = ""
    image_root: Path | None = None
    out: Path | None = None
    limit: int | None = None
    prompt: str = DEFAULT_PROMPT
    max_tokens: int | None = None
    batch: int | None = None
    seed: int = 0

    free: ClassVar[frozenset[str]] = frozenset(
        {"out", "image_root", "judge", "allow_training_judge", "max_failed"}
    )
    """Settings that may change when an evaluation is resumed. A judge counts by its identity."""

    def __post_init__(self) -> None:
        ModelSettings.__post_init__(self)
        SamplingSettings.__post_init__(self)
        if (self.captions is None) == (not self.policy):
            raise UserError(
                "whose captions? give either a file, --captions FILE, or a policy to write them, "
                "--policy RUN_OR_MODEL"
            )
        counts(self, "limit", "max_tokens", "batch")
        at_least("seed", self.seed, 0)

    @property
    def caption_tokens(self) -> int:
        """Longest caption of the policy, in its tokens: as set, or by its size."""
        return self.max_tokens or PRESETS[self.size].max_tokens

    @property
    def caption_batch(self) -> int:
        """Images captioned at once: as set, or by the policy's size."""
        return self.batch or PRESETS[self.size].eval_batch


@dataclass(frozen=True, kw_only=True)
class JudgedEvalSettings(EvalSettings):
    """Who judges.

    Attributes:
        judge: the judge that the protocol asks.
        allow_training_judge: proceed although the judge is the one that trained the policy.
        max_failed: stop with exit code 3 when the judge left more than this share of the items
            without an answer, in [0, 1]; what was judged is kept, and a second start asks the rest.
    """

    judge: JudgeSettings = field(default_factory=JudgeSettings)
    allow_training_judge: bool = False
    max_failed: float = 0.01

    def __post_init__(self) -> None:
        EvalSettings.__post_init__(self)
        within("max_failed", self.max_failed, 0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class ReferencedSettings(EvalSettings):
    """Which references the captions are compared with.

    Attributes:
        data: images with reference captions: KIND:PATH with KIND one of conversations, records,
            caption-qa; a file `{image: reference}` or of records; or `shapes`, the held-out scenes
            of the built-in world, of which there are 300 unless `limit` is given.
        image_root: folder that image names are relative to; default: the data file's folder.
        columns: column names for records.
        world: seed of the built-in world.
    """

    columns: Columns = field(default_factory=Columns)
    world: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.data:
            raise UserError(
                "no data; name images with reference captions: --data KIND:PATH, or --data shapes"
            )
