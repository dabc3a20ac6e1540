"""How useful is a caption? The share of questions that a reader of it, without eyes, gets right.

CapRL's reward (arXiv 2509.22647): R = (1/N) sum_k 1[M(caption, question_k) = answer_k], with a
language model M that reads the caption only. The engine `llm` asks one, as the paper does (see
`.qa_reader`). The engine `embedding` compares sentences: each option, written as a
statement, with what the caption states; the nearest wins.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from itertools import islice

from balcap.errors import JudgeError, UnusableAnswerError
from balcap.heads import Head
from balcap.heads.answers import Usable, completed, listed, usable
from balcap.heads.engines.embedding import embedder
from balcap.heads.engines.similarity import best_similarities
from balcap.heads.reading import check_logprobs, most_choices, rng_of
from balcap.judges.judge import Judge
from balcap.types import Caption, HeadScore, Question, Score, Unscored

from .qa_reader import Answered, AnyAnswered, Gained, answers
from .qa_settings import QaConfig

__all__ = ["Qa", "QaConfig"]


class Qa(Head[QaConfig]):
    """Share of a sample's questions answered right, in [0, 1]; 0 for an empty caption.

    "Cannot say" scores 0, as in CapRL. By engine:

    - `embedding`: a tie scores 0. Such a reader does not see the order of the options, so none is
      drawn.
    - `llm`: with `answer=soft` the mean probability of the right letter, among those of the menu:
      what letters said at temperature 1 give in expectation. With `answer=gain` the mean of
      (1 + p - q) / 2, with p that probability with the caption and q without: 0.5 for a caption
      that changes nothing, more for one that helps; an empty one scores 0 all the same. A question
      without a usable answer is left out (`unusable`); a caption with too few answers
      (`min_answered`), or a question of more options than there are letters, is not scored.
    """

    name = "qa"
    Config = QaConfig

    @property
    def uses_judge(self) -> bool:
        """With the engine `llm`."""
        return self.config.engine == "llm"

    def attach_judge(self, judge: Judge) -> None:
        """Ask that judge from now on. Raises UserError if it lacks what `answer` needs."""
        check_logprobs(judge, self.config.answer, f"{self.name}.answer")
        super().attach_judge(judge)

    @property
    def requires(self) -> frozenset[str]:
        """Questions."""
        return frozenset({"questions"})

    def score(
        self, captions: Sequence[Caption]
    ) -> Sequence[HeadScore] | Awaitable[Sequence[HeadScore]]:
        """Share of right answers; `Unscored` for a sample without questions."""
        return self._read(captions) if self.uses_judge else self._compared(captions)

    async def _read(self, captions: Sequence[Caption]) -> list[HeadScore]:
        known = [self._without_asking(caption) for caption in captions]
        left = [caption for caption, score in zip(captions, known, strict=True) if score is None]
        found = await answers(self.judge, left, self.config)
        return completed(known, [self._scored(outcomes) for outcomes in found])

    def _scored(self, outcomes: Sequence[AnyAnswered | JudgeError]) -> Score | JudgeError:
        if self.config.unusable == "wrong":
            outcomes = [
                Answered("", "no usable answer", 0.0)
                if isinstance(one, UnusableAnswerError)
                else one
                for one in outcomes
            ]
        found: Usable[AnyAnswered] | JudgeError = usable(outcomes, self.config.min_answered)
        if isinstance(found, JudgeError):
            return found
        answered = [one for one in found.answers if one is not None]
        return (gained if self.config.answer == "gain" else scored)(answered, found.note())

    def _without_asking(self, caption: Caption) -> HeadScore | None:
        """The score of a caption that no reader is needed for."""
        questions = caption.sample.questions
        if not questions:
            return Unscored("no questions")
        longest = max(len(question.choices) for question in questions)
        most = most_choices(self.config.abstain)
        if longest > most:
            return Unscored(f"a question has {longest} options; letters allow {most}")
        return None if caption.text.strip() else 0.0

    def _compared(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        options = [
            [option for question in caption.sample.questions for option in statements(question)]
            for caption in captions
        ]
        pairs = [(opts, c.text) for opts, c in zip(options, captions, strict=True)]
        found = best_similarities(pairs, embedder(self.config.model, self.config.device))
        return [
            self._share(caption, similarity)
            for caption, similarity in zip(captions, found, strict=True)
        ]

    def _share(self, caption: Caption, similarity: list[float]) -> HeadScore:
        questions = caption.sample.questions
        if not questions:
            return Unscored("no questions")
        rest = iter(similarity)
        said = [
            self._answer(question, [*islice(rest, len(question.choices))]) for question in questions
        ]
        if self.config.draws:
            said = rng_of(caption, self.config.seed).choices(said, k=self.config.draws)
        return scored(said)

    def _answer(self, question: Question, near: list[float]) -> Answered:
        """The option nearest to the caption, unless that is too near to call."""
        second, best = sorted(near)[-2:]
        lead = best - second
        if best < self.config.min_similarity or lead < self.config.min_margin or lead == 0:
            return Answered(question.text, "cannot say", 0.0)
        index = near.index(best)
        return Answered(question.text, question.choices[index], float(index == question.answer))


def scored(answered: Sequence[AnyAnswered], note: str = "") -> Score:
    """The mean worth of answers, at least one, with what was said.

    Args:
        answered: draw by draw.
        note: put behind the count, for the explanation.
    """
    value = sum(one.worth for one in answered) / len(answered)
    wrong = [f"{one.question} ({one.said})" for one in answered if one.worth < 0.5]
    right = len(answered) - len(wrong)
    said = f"{right} of {len(answered)} answered right{note}{listed('not', wrong)}"
    return Score(value, said, {"answers": [one._asdict() for one in answered]})


def gained(answered: Sequence[AnyAnswered], note: str = "") -> Score:
    """As `scored`, for `answer=gain`; it names what the caption does not help with."""
    value = sum(one.worth for one in answered) / len(answered)
    both = [one for one in answered if isinstance(one, Gained)]
    idle = [f"{one.question} ({one.said})" for one in answered if one.worth <= 0.5]
    said = f"{len(answered) - len(idle)} of {len(answered)} made likelier{note}"
    if both:
        seen = sum(one.seen for one in both) / len(both)
        blind = sum(one.blind for one in both) / len(both)
        said = f"right letters {seen:.2f} likely with the caption, {blind:.2f} without; {said}"
    said += listed("not", idle)
    return Score(value, said, {"answers": [one._asdict() for one in answered]})


def statements(question: Question) -> Sequence[str]:
    """Each option as a sentence: the data's own, or else the question with the option behind it."""
    if len(question.statements) == len(question.choices):
        return question.statements
    return [f"{question.text} {choice}" for choice in question.choices]
