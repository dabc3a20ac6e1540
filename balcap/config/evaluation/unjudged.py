"""The settings of the protocols that ask no judge, one class each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from balcap.config.checks import counts, one_of
from balcap.config.evaluation.base import EvalSettings, ReferencedSettings
from balcap.errors import UserError

CLASSICAL_METRICS = ("bleu", "rouge", "cider", "meteor", "clipscore")


@dataclass(frozen=True, kw_only=True)
class ClassicalSettings(ReferencedSettings):
    """Which metrics, against which references.

    They count words that a caption shares with the reference, and say little about long captions:
    two right descriptions of 150 words share few of their phrases. Report them where a reader
    expects them, not to choose a model by.

    Attributes:
        metrics: any of bleu, rouge, cider, meteor (needs Java) and clipscore (needs `clip`); one
            whose requirement is missing is left out, with a word on what it needs. ROUGE-L is the
            score, and always there.
        tokenizer: `words`, lower-case words without punctuation; `ptb`, as COCO's captions are
            split, needs Java.
        clip: folder or hub id of a CLIP model, such as openai/clip-vit-base-patch32. It reads 77
            tokens of a caption and no more.
    """

    metrics: tuple[str, ...] = CLASSICAL_METRICS
    tokenizer: Literal["words", "ptb"] = "words"
    clip: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.metrics:
            one_of("metric", name, CLASSICAL_METRICS)


@dataclass(frozen=True, kw_only=True)
class GeneralSettings:
    """Which model, on which of the ten vision benchmarks, in whose environment.

    lmms-eval runs as a process of its own, in a Python environment of its own: its dependencies are
    pinned, and not to balcap's. It downloads the benchmarks.

    Attributes:
        policy: a run of balcap, or a hub id or folder of a Qwen2.5-VL or LLaVA-1.5 model; LoRA
            adapters are merged first.
        tasks: any of blink, chartqa, docvqa, infovqa, mmbench, mmstar, ocrbench, scienceqa,
            seedbench, textvqa; default: all ten. Names of lmms-eval's tasks for them are fine too:
            `mmbench_en_dev` has a judge of OpenAI's read the answers, `mmbench` needs none.
        python: the environment's interpreter, such as /path/to/env/bin/python; default: the first
            `python` on the path in which lmms_eval can be imported.
        out: folder for the log, lmms-eval's files and `summary.json`; default: `runs/eval/` and a
            name made of the settings. A second start runs the tasks that are missing there.
        limit: only the first so many questions of each benchmark, to try things out.
        batch: questions answered at once.
        model_args: more for lmms-eval's model, such as `max_pixels=1003520`.
        gen_kwargs: settings of generation, as lmms-eval takes them.
    """

    policy: str = ""
    tasks: tuple[str, ...] = ()
    python: str = ""
    out: Path | None = None
    limit: int | None = None
    batch: int = 1
    model_args: str = ""
    gen_kwargs: str = ""

    def __post_init__(self) -> None:
        counts(self, "limit", "batch")
        if not self.policy:
            raise UserError("which model? give a run or a model: --policy RUN_OR_MODEL")
        if self.out is not None and "," in str(self.out):
            raise UserError(f"out is {str(self.out)!r}; lmms-eval takes no path with a comma")


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
