"""Does plain transformers write the captions that balcap does? It loads the model by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from balcap.types import Sample


def plain_captions(folder: Path, samples: Sequence[Sample], base: str | None) -> list[str]:
    """Caption samples as the card tells its reader to.

    Args:
        folder: of the exported model.
        samples: with images.
        base: of adapters that are alone in the folder; None for a whole model.
    """
    if not samples:
        return []
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig

    processor = AutoProcessor.from_pretrained(folder)
    model: Any = AutoModelForImageTextToText.from_pretrained(base or folder, dtype="auto")
    if base:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, folder)
    decoding = GenerationConfig.from_pretrained(folder)
    written = []
    for sample in samples:
        content = [
            {"type": "image", "image": sample.open_image()},
            {"type": "text", "text": sample.prompt},
        ]
        inputs = processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
        with torch.no_grad():
            tokens = model.generate(**inputs, generation_config=decoding)
        new = tokens[0, inputs["input_ids"].shape[1] :]
        written.append(processor.decode(new, skip_special_tokens=True).strip())
    return written


@dataclass(frozen=True)
class Differences:
    """Captions of the same samples, as balcap wrote them and as plain transformers did.

    Attributes:
        samples: N samples.
        expected: N captions by balcap.
        found: N captions by plain transformers.
    """

    samples: Sequence[Sample]
    expected: Sequence[str]
    found: Sequence[str]

    def __bool__(self) -> bool:
        return list(self.expected) != list(self.found)

    def told(self, evaluated: Mapping[str, str], dtype: str) -> str:
        """In words: the first difference, or that there is none.

        Args:
            evaluated: by sample, the run's own greedy captions after training.
            dtype: number format of the exported weights.
        """
        if not self.samples:
            return "check    left out (--check 0, or a run without samples)"
        for sample, ours, theirs in zip(self.samples, self.expected, self.found, strict=True):
            if ours != theirs:
                return (
                    f"plain transformers writes another caption of {sample.id}:\n"
                    f"  balcap        {ours}\n  transformers  {theirs}"
                )
        count = len(self.samples)
        told = f"check    plain transformers writes balcap's captions of {count} held-out samples"
        if not evaluated:
            return told
        pairs = zip(self.samples, self.expected, strict=True)
        same = sum(evaluated.get(sample.id) == caption for sample, caption in pairs)
        if same == count:
            return f"{told}, those of the run's evaluation"
        return (
            f"{told}; {count - same} of them are not those of the run's evaluation, which computed "
            f"in other batches or another number format than {dtype}"
        )
