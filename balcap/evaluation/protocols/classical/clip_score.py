"""How near is a caption to its image for CLIP? CLIPScore as max(cosine, 0), printed x 100.

By transformers' own CLIP: torchmetrics takes ten models by name only, no folder, and cuts a caption
without its end mark. Hessel's paper (arXiv 2104.08718) prints 2.5 x max(cosine, 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from balcap.errors import UserError
from balcap.types import Sample

AT_ONCE = 16


@dataclass(frozen=True)
class ClipScores:
    """Of captions, in their order.

    Attributes:
        scores: in [0, 1].
        cut: whether CLIP saw only the beginning of the caption.
    """

    scores: Sequence[float]
    cut: Sequence[bool]


def check_model(name: str) -> None:
    """Raise UserError if there is no CLIP model of that name; loads no weights."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise UserError(
            f"no CLIP model {name!r}: {str(error).splitlines()[0]}; --clip takes a folder or a hub "
            "id, such as openai/clip-vit-base-patch32"
        ) from None
    if config.model_type != "clip":
        raise UserError(f"clip is {name!r}, a {config.model_type!r} model; it must be a CLIP model")


def clip_scores(name: str, samples: Sequence[Sample], captions: Sequence[str]) -> ClipScores:
    """Score captions of samples that have images."""
    import torch
    from transformers import CLIPModel, CLIPProcessor

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = CLIPModel.from_pretrained(name).to(device).eval()
    processor = CLIPProcessor.from_pretrained(name)
    limit = int(model.config.text_config.max_position_embeddings)
    scores: list[float] = []
    for start in range(0, len(captions), AT_ONCE):
        pictures = [sample.open_image() for sample in samples[start : start + AT_ONCE]]
        inputs = processor(
            text=list(captions[start : start + AT_ONCE]),
            images=pictures,
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=limit,
        ).to(device)
        with torch.no_grad():
            found = model(**inputs)
        cosine = (found.text_embeds * found.image_embeds).sum(dim=-1)  # both of length 1
        scores += cosine.clamp(min=0).tolist()
    lengths = [len(tokens) for tokens in processor.tokenizer(list(captions))["input_ids"]]
    return ClipScores(scores, [length > limit for length in lengths])
