"""The settings of Prism, of the classical metrics and of the general benchmarks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from balcap.config.checks import at_least, counts, one_of
from balcap.config.data import Columns
from balcap.config.evaluate import EvalSettings, JudgedEvalSettings
from balcap.errors import UserError

CLASSICAL_METRICS = ("bleu", "rouge", "cider", "meteor", "clipscore")


@dataclass(frozen=True, kw_only=True)
class PrismSettings(JudgedEvalSettings):
    """Prism's own settings.

    Attributes:
        captions: file of captions: JSON `{image: [caption, ...]}`, or JSONL or Parquet rows with
            `id` and `caption`, one or several for an image; the ids are the images' names as the
            data has them.
        data: a question set: a JSON, JSONL or Parquet file, or a data set on the hub, with rows of
            `image`, `prompt` and `answer`; image and prompt may be Qwen's message content.
        gen_num: captions that a policy writes for each image; 4 as published.
        scorer: how an answer is marked: `letter` (that option's letter), `relaxed` (within 5%, or
            the same text), `anls` (edit distance) or `math` (the same value, needs
            `pip install 'balcap[math]'`); `auto` goes by the name of the data and by the answer.
        temperature: of the policy's captions, as published.
        max_tokens: longest caption, in policy tokens, as published.
        answer_temperature: of the judge's answers, as published.
        answer_tokens: longest answer with its reasoning, in the judge's tokens, as published.
    """

    gen_num: int = 4
    scorer: Literal["auto", "letter", "relaxed", "anls", "math"] = "auto"
    temperature: float = 1.0
    max_tokens: int | None = 2048
    answer_temperature: float = 1.0
    answer_tokens: int = 2048

    def __post_init__(self) -> None:
        JudgedEvalSettings.__post_init__(self)
        counts(self, "gen_num", "answer_tokens")
        at_least("answer_temperature", self.answer_temperature, 0.0)


@dataclass(frozen=True, kw_only=True)
class ClassicalSettings(EvalSettings):
    """Which metrics, against which references.

    They count words that a caption shares with the reference, and say little about long captions:
    two right descriptions of 150 words share few of their phrases. Report them where a reader
    expects them, not to choose a model by.

    Attributes:
        data: images with reference captions: KIND:PATH with KIND one of conversations, records,
            caption-qa; or `shapes`, the held-out scenes of the built-in world, of which there are
            300 unless `limit` is given.
        image_root: folder that image names are relative to; default: the data file's folder.
        columns: column names for records.
        world: seed of the built-in world.
        metrics: any of bleu, rouge, cider, meteor (needs Java) and clipscore (needs `clip`); one
            whose requirement is missing is left out, with a word on what it needs. ROUGE-L is the
            score, and always there.
        tokenizer: `words`, lower-case words without punctuation; `ptb`, as COCO's captions are
            split, needs Java.
        clip: folder or hub id of a CLIP model, such as openai/clip-vit-base-patch32. It reads 77
            tokens of a caption and no more.
    """

    columns: Columns = field(default_factory=Columns)
    world: int = 0
    metrics: tuple[str, ...] = CLASSICAL_METRICS
    tokenizer: Literal["words", "ptb"] = "words"
    clip: str = ""

    def __post_init__(self) -> None:
        EvalSettings.__post_init__(self)
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
