"""`balcap eval dcscore`: how it is called, and its own settings."""

from __future__ import annotations

from dataclasses import dataclass

from balcap.config.checks import at_least
from balcap.config.command import Command
from balcap.config.evaluation import JudgedEvalSettings


@dataclass(frozen=True, kw_only=True)
class DCScoreSettings(JudgedEvalSettings):
    """DCScore's own settings.

    Attributes:
        data: DeCapBench's lines: a JSONL, JSON or Parquet file with `image_name`,
            `oracle_caption` and `oracle_facts`, or a data set on the hub with them. The judge sees
            the images; captions go by `image_name`.
        image_root: folder that image names are relative to; default: the data file's folder.
        strict_compat: score exactly as the published program does: the relevant facts keep the
            weights that they have among all facts; a fact that is stated twice has one match, the
            last; a caption without relevant facts is invalid, not 0.
        attempts: how often a question is asked until its answer can be used, at least 1.
    """

    strict_compat: bool = False
    attempts: int = 5

    def __post_init__(self) -> None:
        JudgedEvalSettings.__post_init__(self)
        at_least("attempts", self.attempts, 1)


COMMAND = Command(
    name="eval dcscore",
    summary="DCScore: which of a person's facts, and how many of its own are right?",
    settings=DCScoreSettings,
    function="balcap.evaluation.protocols.dcscore.protocol:run",
    protocol="balcap.evaluation.protocols.dcscore.protocol:DCScore",
    examples="""
balcap eval dcscore --captions captions.json --data human_annotated_oracle_facts.jsonl \\
    --image-root iiw-400 --judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 \\
    --judge.model NAME
balcap eval dcscore --policy runs/second --data facts.jsonl --strict-compat --judge.backend \\
    endpoint --judge.url https://api.openai.com/v1 --judge.model gpt-4o-2024-05-13
""",
)
