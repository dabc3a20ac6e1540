"""`balcap eval classical`: how it is called, and its own settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from balcap.config.checks import one_of
from balcap.config.command import Command
from balcap.config.evaluation import ReferencedSettings

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


COMMAND = Command(
    name="eval classical",
    summary="BLEU, ROUGE-L, CIDEr-D, METEOR and CLIPScore, for what they are worth",
    settings=ClassicalSettings,
    function="balcap.evaluation.protocols.classical.protocol:run",
    protocol="balcap.evaluation.protocols.classical.protocol:Classical",
    examples="""
balcap eval classical --captions captions.json --data records:references.jsonl
balcap eval classical --policy runs/second --data conversations:test.json --image-root images \\
    --clip openai/clip-vit-base-patch32 --tokenizer ptb
""",
)
