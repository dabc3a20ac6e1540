"""How useful is a caption? The share of questions that a reader of it, without eyes, gets right.

CapRL's reward (arXiv 2509.22647): R = (1/N) sum_k 1[M(caption, question_k) = answer_k], with a
language model M that reads the caption only. Here M compares sentences: each option, written as a
statement, with what the caption states; the nearest wins.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from balcap.config import at_least, within
from balcap.errors import UserError
from balcap.heads import Head
from balcap.judges.embedding import embedder
from balcap.judges.stated import stated
from balcap.sample import Caption, Question, Score, Unscored


@dataclass(frozen=True, kw_only=True)
class QaConfig:
    """Who answers the questions, and when it admits that it cannot.

    Attributes:
        engine: `embedding` compares sentences; `llm` is not built yet.
        draws: 0 asks each question once (CapRL's all_qa mode; our default, without noise); N asks
            N questions drawn with replacement (the paper: 8).
        seed: of the draws; they are the same for the same sample and caption.
        min_similarity: the reader cannot say when no option is this near to the caption, a cosine
            in [0, 1]. Ours, measured on the shapes world.
        min_margin: the reader cannot say when the best option leads the second by less than this,
            in [0, 1]. Ours, measured there too.
        model: sentence embeddings: `auto` for all-MiniLM-L6-v2, a hub id, or a folder.
        device: `auto`, or a torch device.
    """

    engine: Literal["embedding", "llm"] = "embedding"
    draws: int = 0
    seed: int = 0
    min_similarity: float = 0.5
    min_margin: float = 0.01
    model: str = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        at_least("qa.draws", self.draws, 0)
        within("qa.min_similarity", self.min_similarity, 0.0, 1.0)
        within("qa.min_margin", self.min_margin, 0.0, 1.0)


class Qa(Head[QaConfig]):
    """Share of a sample's questions answered right, in [0, 1]; 0 for an empty caption.

    "Cannot say" scores 0, as in CapRL; so does a tie. CapRL also shuffles the options on each
    draw: a reader that compares sentences does not see their order, so none is needed.
    """

    name = "qa"
    Config = QaConfig

    def __init__(self, config: QaConfig | None = None) -> None:
        super().__init__(config)
        if self.config.engine == "llm":
            raise UserError("qa.engine is 'llm', which is not built yet; use qa.engine=embedding")

    @property
    def needs(self) -> frozenset[str]:
        """Questions."""
        return frozenset({"questions"})

    def score(self, captions: Sequence[Caption]) -> Sequence[Score]:
        """Share of right answers; `Unscored` for a sample without questions."""
        options = [
            [option for question in caption.sample.questions for option in statements(question)]
            for caption in captions
        ]
        pairs = [(opts, c.text) for opts, c in zip(options, captions, strict=True)]
        found = stated(pairs, embedder(self.config.model, self.config.device))
        return [
            self._share(caption, similarity)
            for caption, similarity in zip(captions, found, strict=True)
        ]

    def _share(self, caption: Caption, similarity: list[float]) -> Score:
        questions = caption.sample.questions
        if not questions:
            return Unscored("no questions")
        rest = iter(similarity)
        right = [
            self._answer([*islice(rest, len(question.choices))]) == question.answer
            for question in questions
        ]
        if self.config.draws:
            dice = random.Random(f"{self.config.seed}\0{caption.sample.id}\0{caption.text}")
            right = dice.choices(right, k=self.config.draws)
        return sum(right) / len(right)

    def _answer(self, near: list[float]) -> int | None:
        """Index of the option nearest to the caption, or None: cannot say."""
        second, best = sorted(near)[-2:]
        lead = best - second
        if best < self.config.min_similarity or lead < self.config.min_margin or lead == 0:
            return None
        return near.index(best)


def statements(question: Question) -> Sequence[str]:
    """Each option as a sentence: the data's own, or else the question with the option behind it."""
    if len(question.statements) == len(question.choices):
        return question.statements
    return [f"{question.text} {choice}" for choice in question.choices]
