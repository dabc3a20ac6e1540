"""The settings of b-CapScore, DCScore and CapArena-Auto."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from balcap.config.checks import at_least
from balcap.config.data import Columns
from balcap.config.evaluate import JudgedEvalSettings


@dataclass(frozen=True, kw_only=True)
class BCapScoreSettings(JudgedEvalSettings):
    """b-CapScore's own settings.

    Attributes:
        data: images with reference captions: KIND:PATH with KIND one of conversations, records,
            caption-qa; a file `{image: reference}` or of records; or `shapes`, the held-out scenes
            of the built-in world, of which there are 300 unless `limit` is given. The judge sees
            the images.
        image_root: folder that image names are relative to; default: the data file's folder.
        columns: column names for records.
        world: seed of the built-in world.
    """

    columns: Columns = field(default_factory=Columns)
    world: int = 0


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
        tries: how often a question is asked until its answer can be used, at least 1.
    """

    strict_compat: bool = False
    tries: int = 5

    def __post_init__(self) -> None:
        JudgedEvalSettings.__post_init__(self)
        at_least("tries", self.tries, 1)


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
        tries: how often a pair is shown until the verdict can be read, at least 1. The published
            program tries again too; the number is ours.
    """

    orders: Literal[1, 2] = 1
    own: Literal["gpt", "cog", "cpm"] | None = None
    tries: int = 5

    def __post_init__(self) -> None:
        JudgedEvalSettings.__post_init__(self)
        at_least("tries", self.tries, 1)
