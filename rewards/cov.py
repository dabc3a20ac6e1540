"""How much of the reference does a caption state? The recall of its sentences, by embeddings.

In the form of BalCapRL's recall reward (arXiv 2605.07394): covered reference units / units. There
a language model matches the units; here a unit is covered by degrees, as near as the caption's
nearest clause comes to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from balcap.config import within
from balcap.errors import UserError
from balcap.heads import Head
from balcap.judges.embedding import embedder
from balcap.judges.stated import stated
from balcap.sample import Caption, Sample, Score, Unscored
from balcap.text import sentences

BOUNDS = {"sentences": (0.88, 1.0), "facts": (0.6, 0.9)}


@dataclass(frozen=True, kw_only=True)
class CovConfig:
    """What is to be covered, and how near is near enough.

    Attributes:
        engine: `embedding` compares sentences; `llm` is not built yet.
        unit: the reference's `sentences`, or the sample's `facts`.
        low: cosine at and below which a unit counts as not covered; default: 0.88 for sentences,
            0.6 for facts. Ours, measured on the shapes world.
        high: cosine from which a unit is covered in full; default: 1 for sentences, 0.9 for facts.
        model: sentence embeddings: `auto` for all-MiniLM-L6-v2, a hub id, or a folder.
        device: `auto`, or a torch device.
    """

    engine: Literal["embedding", "llm"] = "embedding"
    unit: Literal["sentences", "facts"] = "sentences"
    low: float | None = None
    high: float | None = None
    model: str = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        low, high = self.bounds
        within("cov.low", low, 0.0, 1.0)
        within("cov.high", high, 0.0, 1.0)
        if not low < high:
            raise UserError(f"cov.low is {low:g} and cov.high {high:g}; it needs low < high")

    @property
    def bounds(self) -> tuple[float, float]:
        """`low` and `high`, the unit's defaults filled in."""
        low, high = BOUNDS[self.unit]
        return (low if self.low is None else self.low, high if self.high is None else self.high)


class Cov(Head[CovConfig]):
    """Share of the reference that the caption states, in [0, 1]; 0 for an empty caption.

    The mean over the units of clip((similarity - low) / (high - low), 0, 1). A caption that says
    more than the reference loses nothing.
    """

    name = "cov"
    Config = CovConfig

    def __init__(self, config: CovConfig | None = None) -> None:
        super().__init__(config)
        if self.config.engine == "llm":
            raise UserError("cov.engine is 'llm', which is not built yet; use cov.engine=embedding")

    @property
    def needs(self) -> frozenset[str]:
        """The reference, or the facts."""
        return frozenset({"reference" if self.config.unit == "sentences" else "facts"})

    def score(self, captions: Sequence[Caption]) -> Sequence[Score]:
        """Share covered; `Unscored` for a sample that has no units."""
        low, high = self.config.bounds
        pairs = [(self._units(caption.sample), caption.text) for caption in captions]
        found = stated(pairs, embedder(self.config.model, self.config.device))
        missing = Unscored("no reference" if self.config.unit == "sentences" else "no facts")
        return [
            sum(min(max((near - low) / (high - low), 0.0), 1.0) for near in units) / len(units)
            if units
            else missing
            for units in found
        ]

    def _units(self, sample: Sample) -> tuple[str, ...]:
        return sample.facts if self.config.unit == "facts" else sentences(sample.reference or "")
