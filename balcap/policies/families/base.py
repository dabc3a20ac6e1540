"""What differs from one model family to the next?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

Part = Literal["language", "projector", "vision"]


@dataclass(frozen=True, slots=True)
class Family:
    """A model family that balcap trains.

    Attributes:
        name: what people call it.
        model_type: what transformers calls it in `config.json`.
        image_token: the placeholder that the processor repeats once per image embedding.
        vision: in a module's name, marks the vision tower.
        projector: in a module's name, marks what maps the tower's outputs to the language model's
            inputs. It may lie within the tower, as Qwen's merger does, and is not part of it.
        lmms_eval: what lmms-eval calls its model class.
        random_init: from texts, which the vocabulary is learned from, to a processor and a small
            model with random weights.
        tiny: the embedded policy of this family; empty where it has none.
        longest_ratio: longest side over shortest that the processor takes; None for any.
    """

    name: str
    model_type: str
    image_token: str
    vision: str
    projector: str
    lmms_eval: str
    random_init: Callable[[Iterable[str]], tuple[Any, Any]]
    tiny: str = ""
    longest_ratio: float | None = None

    def fault_of(self, width: int, height: int) -> str:
        """Why an image of this size cannot be shown to such a policy; empty if it can."""
        ratio = max(width, height) / min(width, height)
        if self.longest_ratio is not None and ratio > self.longest_ratio:
            return (
                f"{width} x {height} pixels is {ratio:.0f} to 1, and {self.name} takes at most "
                f"{self.longest_ratio:.0f} to 1"
            )
        return ""

    def part_of(self, name: str) -> Part:
        """The part of the model that a module or parameter of this name belongs to."""
        if self.projector in name:
            return "projector"
        return "vision" if self.vision in name else "language"

    def modules_of(self, part: Literal["projector", "vision"]) -> str:
        """A regular expression that matches the whole name of every module of a part."""
        projector = rf".*{re.escape(self.projector)}.*"
        return projector if part == "projector" else rf"(?!{projector}).*{re.escape(self.vision)}.*"
