"""`balcap eval caparena`: how it is called, and its own settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from balcap.config.checks import at_least
from balcap.config.command import Command
from balcap.config.evaluation import JudgedEvalSettings


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


COMMAND = Command(
    name="eval caparena",
    summary="CapArena-Auto: better than the captions of known models?",
    settings=CapArenaSettings,
    function="balcap.evaluation.protocols.caparena.protocol:run",
    protocol="balcap.evaluation.protocols.caparena.protocol:CapArena",
    examples="""
balcap eval caparena --captions captions.json --data caparena_auto_600.json --image-root docci \\
    --judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 --judge.model NAME
balcap eval caparena --policy runs/second --data caparena_auto_600.json --orders 2 \\
    --judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 --judge.model NAME
""",
)
