"""`balcap eval bcapscore`: how it is called, and its own settings."""

from __future__ import annotations

from dataclasses import dataclass

from balcap.config.command import Command
from balcap.config.evaluation import JudgedEvalSettings, ReferencedSettings


@dataclass(frozen=True, kw_only=True)
class BCapScoreSettings(ReferencedSettings, JudgedEvalSettings):
    """b-CapScore's own settings: none. The judge sees the images."""


COMMAND = Command(
    name="eval bcapscore",
    summary="b-CapScore: right, complete and well written, all at once?",
    settings=BCapScoreSettings,
    function="balcap.evaluation.protocols.bcapscore.protocol:run",
    protocol="balcap.evaluation.protocols.bcapscore.protocol:BCapScore",
    examples="""
balcap eval bcapscore --captions captions.json --data references.json --image-root images \\
    --judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 --judge.model NAME
balcap eval bcapscore --policy runs/second --data shapes --limit 50 --judge.backend endpoint \\
    --judge.url http://127.0.0.1:8000/v1 --judge.model NAME
""",
)
