"""The settings of the protocols that ask a judge, one class each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from balcap.config.checks import at_least, counts
from balcap.config.evaluation.base import JudgedEvalSettings, ReferencedSettings


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
class BCapScoreSettings(ReferencedSettings, JudgedEvalSettings):
    """b-CapScore's own settings: none. The judge sees the images."""


@dataclass(frozen=True, kw_only=True)
class DCScoreSettings(JudgedEvalSettings):
    """DCScore's own settings.

    Attributes:
        data: DeCapBench's lines: a JSONL, JSON or Parquet file with `image_name`,
            `oracle_caption` and `oracle_facts`, or a data set on the hub with them. The judge sees
            the images; captions go by `image_name`.
        image_root: folder that image names are relative to; default: the data file's folder.
        strict_compat: score exactly as the published program does: the relevant facts keep the
            weights that they have among all facts, and a caption without any is invalid, not 0.
        attempts: how often a question is asked until its answer can be used, at least 1.
    """

    strict_compat: bool = False
    attempts: int = 5

    def __post_init__(self) -> None:
        JudgedEvalSettings.__post_init__(self)
        at_least("attempts", self.attempts, 1)


@dataclass(frozen=True, kw_only=True)
class CapArenaSettings(JudgedEvalSettings):
    """CapArena-Auto's own settings.

    Attributes:
        data: CapArena-Auto's file, `{image file: {captions, ref_model}}`, or rows with `id` and
            these. The judge sees the images; captions go by the image's file.
        image_root: folder that image files are relative to; default: the data file's folder.
        orders: 1 shows each pair once, on sides drawn by `seed`, as published; 2 shows it both
            ways, and the image counts the mean of both verdicts.
        own: the baseline whose model wrote the captions, if one did; its images are left out, and
            it counts 0, as published.
        attempts: how often a pair is shown until the verdict can be read, at least 1. The published
            program tries again too; the number is ours.
    """

    orders: Literal[1, 2] = 1
    own: Literal["gpt", "cog", "cpm"] | None = None
    attempts: int = 5

    def __post_init__(self) -> None:
        JudgedEvalSettings.__post_init__(self)
        at_least("attempts", self.attempts, 1)


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
