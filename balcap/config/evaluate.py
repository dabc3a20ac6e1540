"""The settings that all of `balcap eval` share: whose captions, which data, who judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from balcap.config.checks import at_least, counts, within
from balcap.config.data import DEFAULT_PROMPT
from balcap.config.judge import JudgeSettings
from balcap.config.policy import PRESETS, ModelSettings
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class EvalSettings(ModelSettings):
    """Whose captions are evaluated, and on what.

    Attributes:
        captions: file of captions: JSON `{id: caption}`, or JSONL or Parquet with `id` and
            `caption`; the ids are the data's.
        policy: who writes the captions, instead of a file: `tiny-qwen2.5-vl` or `tiny-llava-1.5`,
            a run of balcap, or a hub id or folder of a Qwen2.5-VL or LLaVA-1.5 model.
        data: the protocol's published data: a file, or a data set on the hub.
        image_root: folder that image names are relative to, for `policy`; default: the data file's
            folder.
        out: folder for `items.jsonl` and `summary.json`, where a second start goes on; default:
            `runs/eval/` and a name made of the settings.
        limit: only the first so many images; the score is then not comparable to published ones.
        prompt: what the policy is asked.
        temperature: of the policy's captions; 0 takes the likeliest token each time.
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
    temperature: float = 0.0
    max_tokens: int | None = None
    batch: int | None = None
    seed: int = 0

    free: ClassVar[frozenset[str]] = frozenset(
        {"out", "image_root", "judge", "allow_training_judge", "max_failed"}
    )
    """Settings that may change when an evaluation goes on. Who judges counts by its identity."""

    def __post_init__(self) -> None:
        ModelSettings.__post_init__(self)
        if (self.captions is None) == (not self.policy):
            raise UserError(
                "whose captions? give either a file, --captions FILE, or who writes them, "
                "--policy RUN_OR_MODEL"
            )
        counts(self, "limit", "max_tokens", "batch")
        at_least("temperature", self.temperature, 0.0)
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
        judge: whom the protocol asks.
        allow_training_judge: go on although the judge is the one that trained the policy.
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
class CaptionQASettings(JudgedEvalSettings):
    """CaptionQA's own settings.

    Attributes:
        data: CaptionQA's rows: a JSON, JSONL or Parquet file with `id`, `questions` and `domain`,
            or a data set on the hub, such as `Borise/CaptionQA#all`.
        temperature: of the policy's captions, as the protocol draws them.
    """

    data: str = "Borise/CaptionQA#all"
    temperature: float = 0.7


@dataclass(frozen=True, kw_only=True)
class GroundingSettings(EvalSettings):
    """The held-out scenes of the built-in world.

    Attributes:
        data: only `shapes`, whose truth is known.
        world: seed of the world; default: that of the run that writes the captions, else 0.
        limit: number of held-out scenes; default: as many as that run held out, else 300.
        max_tokens: longest caption, in policy tokens; default: the run's.
    """

    data: str = "shapes"
    world: int | None = None

    def __post_init__(self) -> None:
        EvalSettings.__post_init__(self)
        if self.data != "shapes":
            raise UserError(
                f"data is {self.data!r}; what is true of an image is known on shapes only"
            )


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """Which evaluations are compared.

    Attributes:
        evaluations: folders of evaluations, or their `summary.json`; the first of a protocol is
            what the others of that protocol are compared with.
        with_published: add the papers' own numbers, marked as theirs.
        out: file for the table, .md or .csv.
        seed: of the bootstrap.
    """

    evaluations: tuple[Path, ...] = field(default=(), metadata={"positional": "EVALUATION"})
    with_published: bool = False
    out: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.evaluations:
            raise UserError(
                "no evaluations; name their folders: balcap eval compare runs/eval/a runs/eval/b"
            )
        if self.out is not None and self.out.suffix not in (".md", ".csv"):
            raise UserError(f"out is {str(self.out)!r}; its name must end in .md or .csv")
