"""`balcap eval captionqa`: how it is called, and its own settings."""

from __future__ import annotations

from dataclasses import dataclass

from balcap.config.command import Command
from balcap.config.evaluation import JudgedEvalSettings


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


COMMAND = Command(
    name="eval captionqa",
    summary="CaptionQA: what can be answered from the caption alone?",
    settings=CaptionQASettings,
    function="balcap.evaluation.protocols.captionqa.protocol:run",
    protocol="balcap.evaluation.protocols.captionqa.protocol:CaptionQA",
    examples="""
balcap eval captionqa --captions captions.json --judge.backend endpoint \\
    --judge.url http://127.0.0.1:8000/v1 --judge.model Qwen/Qwen2.5-72B-Instruct
balcap eval captionqa --policy runs/second --data captionqa.parquet --judge.backend local \\
    --judge.model Qwen/Qwen2.5-3B-Instruct
""",
)
