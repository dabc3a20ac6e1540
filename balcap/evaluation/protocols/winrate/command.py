"""`balcap eval winrate`: how it is called, and its own settings."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from balcap.config.checks import at_least
from balcap.config.command import Command
from balcap.config.evaluation import JudgedEvalSettings, ReferencedSettings
from balcap.errors import UserError

_CAPTION_FILES = (".json", ".jsonl", ".parquet")


@dataclass(frozen=True, kw_only=True)
class WinRateSettings(ReferencedSettings, JudgedEvalSettings):
    """Against whom, and what counts as equally long.

    Attributes:
        data: images, with or without captions, which are not used: KIND:PATH with KIND one of
            images, conversations, records, caption-qa (`images:` also takes a folder); or `shapes`,
            the held-out scenes of the built-in world, of which there are 300 unless `limit` is
            given. The judge sees the images.
        against: whose captions the others are: a file of captions, or a policy, which then writes
            its own. Given several times, or A,B, the judge ranks all captions of an image.
        length_band: captions count as equally long if one has at most this many times the words of
            the other, at least 1. Ours.
        attempts: how often a verdict is asked for until it can be read, at least 1. Ours.
    """

    against: tuple[str, ...] = field(default=(), metadata={"adds_up": True})
    length_band: float = 1.2
    attempts: int = 5

    # rivals count by their content or place, as the captions and the policy do
    free = JudgedEvalSettings.free | {"against", "length_band"}

    def __post_init__(self) -> None:
        if not self.data:
            raise UserError(
                "no data; name the images: --data KIND:PATH, --data images:FOLDER or --data shapes"
            )
        super().__post_init__()
        if not self.against:
            raise UserError(
                "no rival; name a file of captions or a policy to compare with: --against BASE"
            )
        twice = [one for one, count in Counter(self.contenders).items() if count > 1]
        if twice:
            raise UserError(
                f"{twice[0]!r} would be compared with itself; name each file or policy once"
            )
        at_least("length_band", self.length_band, 1)
        if not math.isfinite(self.length_band):
            raise UserError("length_band is inf; it must be a finite number, such as 1.2")
        at_least("attempts", self.attempts, 1)

    @property
    def contenders(self) -> tuple[str, ...]:
        """Whose captions are compared, as they were given, the settings' own first."""
        return (str(self.captions or self.policy), *self.against)

    @property
    def names(self) -> tuple[str, ...]:
        """What they are called in tables: the last part of each where these differ."""
        short = [
            Path(one).stem if is_caption_file(one) else Path(one).name for one in self.contenders
        ]
        return tuple(short) if len(set(short)) == len(short) else self.contenders


def is_caption_file(rival: str) -> bool:
    """Whether a rival is a file of captions, and not a policy; by its name if nothing is there."""
    path = Path(rival)
    return path.is_file() or (path.suffix in _CAPTION_FILES and not path.exists())


COMMAND = Command(
    name="eval winrate",
    summary="How often does a judge prefer these captions to those of others?",
    settings=WinRateSettings,
    function="balcap.evaluation.protocols.winrate.protocol:run",
    protocol="balcap.evaluation.protocols.winrate.protocol:WinRate",
    examples="""
balcap eval winrate --policy runs/second --against tiny-qwen2.5-vl --data shapes --limit 50 \\
    --judge.backend scripted \\
    --judge.model balcap.evaluation.protocols.winrate.scene_judge:answer
balcap eval winrate --captions mine.json --against base.json --data images:photos \\
    --judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 --judge.model NAME
balcap eval winrate --captions mine.json --against base.json --against other.json \\
    --data images:photos --judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 \\
    --judge.model NAME
""",
)
