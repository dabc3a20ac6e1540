"""What can be set about the head qa?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from balcap.config import JudgeSettings, at_least, within
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class QaConfig:
    """Who answers the questions, which are asked, and when an answer counts.

    Attributes:
        engine: `embedding` compares sentences; `llm` asks a judge, for which a text model is
            enough.
        draws: 0 asks each question once (CapRL's all_qa mode; our default, with less noise); N
            asks N questions drawn with replacement (the paper: 8).
        seed: of the draws, and for llm of the options' order; they are the same for the same
            sample and caption.
        answer: llm only: `letter` takes the letter that is said (the paper); `soft` the probability
            of the right letter among those of the menu: one token, less noise, not for readers that
            think first; `gain`, ours, for small readers, how much of that probability is due to the
            caption: (1 + with it - without it) / 2, so 0.5 for nothing.
        abstain: llm only: offer "cannot be told" as the last option; it scores 0 (the paper).
        temperature: llm only: at which a letter is sampled, in [0, 2]; 0 takes the likeliest (the
            paper: 0.6).
        max_tokens: llm only: longest answer with a letter, more for readers that think first (the
            paper: 10).
        unusable: llm only: what becomes of a question without a usable answer, after it was drawn
            again: `drop` leaves it out (ours), `wrong` counts it as answered wrongly (CapRL).
        min_answered: llm only: share of a caption's questions that must have a usable answer for
            it to be scored, in [0, 1]. Ours.
        min_mass: llm only: with `soft` and `gain`, an answer is unusable if the letters of the menu
            have less probability than this together, in [0, 1]. Ours.
        min_similarity: embedding only: the reader cannot say when no option is this near to the
            caption, a cosine in [0, 1]. Ours, measured on the shapes world.
        min_margin: embedding only: the reader cannot say when the best option leads the second by
            less than this, in [0, 1]. Ours, measured there too.
        model: embedding only: `auto` for all-MiniLM-L6-v2, a hub id, or a folder.
        device: embedding only: `auto`, or a torch device.
        judge: llm only: the judge of this head alone; default: `--judge.*`.
    """

    engine: Literal["embedding", "llm"] = "embedding"
    draws: int = 0
    seed: int = 0
    answer: Literal["letter", "soft", "gain"] = "letter"
    abstain: bool = True
    temperature: float = 0.6
    max_tokens: int = 10
    unusable: Literal["drop", "wrong"] = "drop"
    min_answered: float = 0.5
    min_mass: float = 0.01
    min_similarity: float = 0.5
    min_margin: float = 0.01
    model: str = "auto"
    device: str = "auto"
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def __post_init__(self) -> None:
        at_least("qa.draws", self.draws, 0)
        within("qa.temperature", self.temperature, 0.0, 2.0)
        at_least("qa.max_tokens", self.max_tokens, 1)
        for name in ("min_answered", "min_mass", "min_similarity", "min_margin"):
            within(f"qa.{name}", getattr(self, name), 0.0, 1.0)
        if self.answer == "gain" and self.engine != "llm":
            raise UserError(
                f"qa.answer is 'gain', and the engine {self.engine!r} asks no reader; add "
                "--qa.engine llm with a judge, or leave qa.answer out"
            )
