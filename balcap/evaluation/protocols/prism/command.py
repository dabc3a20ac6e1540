"""`balcap eval prism`: how it is called, and its own settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from balcap.config.checks import at_least, counts
from balcap.config.command import Command
from balcap.config.evaluation import JudgedEvalSettings


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
        strict_compat: also mark every answer as the program that CapRL published does, and report
            that as `as_published` beside the score, which stays ours. It reads an answer in
            `</think><answer>\\boxed{}</answer>` only, tolerates 5% of the answer where ChartQA does
            5% of the truth, and takes the best of several rules on sets of charts. Needs
            `pip install 'balcap[math]'`.
        temperature: of the policy's captions, as published.
        max_tokens: longest caption, in policy tokens, as published.
        answer_temperature: of the judge's answers, as published.
        answer_tokens: longest answer with its reasoning, in the judge's tokens, as published.
    """

    gen_num: int = 4
    scorer: Literal["auto", "letter", "relaxed", "anls", "math"] = "auto"
    strict_compat: bool = False
    temperature: float = 1.0
    max_tokens: int | None = 2048
    answer_temperature: float = 1.0
    answer_tokens: int = 2048

    def __post_init__(self) -> None:
        JudgedEvalSettings.__post_init__(self)
        counts(self, "gen_num", "answer_tokens")
        at_least("answer_temperature", self.answer_temperature, 0.0)


COMMAND = Command(
    name="eval prism",
    summary="Prism: several captions an image, and the best of them",
    settings=PrismSettings,
    function="balcap.evaluation.protocols.prism.protocol:run",
    protocol="balcap.evaluation.protocols.prism.protocol:Prism",
    examples="""
balcap eval prism --captions captions.jsonl --data ChartQA.json --judge.backend endpoint \\
    --judge.url http://127.0.0.1:8000/v1 --judge.model internlm/CapRL-Eval-3B --strict-compat
balcap eval prism --policy runs/second --data MMStar.json --image-root images --gen-num 4 \\
    --judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 --judge.model NAME
""",
)
