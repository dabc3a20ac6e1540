"""How captions are drawn, whoever draws them."""

from __future__ import annotations

from dataclasses import dataclass

from balcap.config.checks import above, at_least, within


@dataclass(frozen=True, kw_only=True)
class SamplingSettings:
    """How captions are drawn.

    Nothing is taken from the model's generation_config.json but the tokens that end a caption.

    Attributes:
        temperature: 0 takes the likeliest token each time; above 0 samples.
        top_p: draw from the likeliest tokens that hold this share, in (0, 1]; 1: from all.
        top_k: draw from so many of the likeliest tokens; 0: from all.
        min_p: draw from tokens at least this likely beside the likeliest, in [0, 1]; 0: from all.
        repetition_penalty: above 1 makes tokens that were there already less likely; 1: none.
        no_repeat_ngram: no row of so many tokens comes twice in a caption; 0: any may.
        min_new_tokens: shortest caption, in policy tokens.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    min_new_tokens: int = 0

    def __post_init__(self) -> None:
        at_least("temperature", self.temperature, 0.0)
        above("top_p", self.top_p, 0.0)
        within("top_p", self.top_p, 0.0, 1.0)
        at_least("top_k", self.top_k, 0)
        within("min_p", self.min_p, 0.0, 1.0)
        above("repetition_penalty", self.repetition_penalty, 0.0)
        at_least("no_repeat_ngram", self.no_repeat_ngram, 0)
        at_least("min_new_tokens", self.min_new_tokens, 0)

    @property
    def reshaped_by(self) -> tuple[str, ...]:
        """The settings by which captions are not drawn from the policy's own probabilities."""
        plain = SamplingSettings()
        names = (
            "top_p", "top_k", "min_p", "repetition_penalty", "no_repeat_ngram", "min_new_tokens",
        )  # fmt: skip
        return tuple(name for name in names if getattr(self, name) != getattr(plain, name))
