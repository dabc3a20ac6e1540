"""How is a reader of a caption asked, and what did it answer? CapRL's protocol (arXiv 2509.22647).

Options behind letters, in an order drawn anew on each draw; "cannot be told" always last.
"""

from __future__ import annotations

import math
import random
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from balcap.errors import JudgeError, UnusableAnswerError
from balcap.judges.judge import Judge
from balcap.judges.parsing import parse_letter
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest, JudgeResponse
from balcap.types import Caption, Question

from .qa_settings import QaConfig

PROMPT = Prompt.read(Path(__file__).parent / "prompts" / "qa_reader.txt")
ABSTAIN = "This cannot be told from the description."
LETTERS = string.ascii_uppercase


@dataclass(frozen=True, slots=True)
class Menu:
    """A question as the reader sees it.

    Attributes:
        question: what is asked.
        order: indices of its options, in the order in which they are shown.
        abstain: whether "cannot be told" stands behind them.
    """

    question: Question
    order: tuple[int, ...]
    abstain: bool

    @property
    def letters(self) -> str:
        """One for each option, such as `ABCDE`."""
        return LETTERS[: len(self.order) + self.abstain]

    @property
    def right(self) -> int:
        """Place of the right option among those shown."""
        return self.order.index(self.question.answer)

    def option(self, place: int) -> str:
        """The text behind the letter at a place."""
        return ABSTAIN if place == len(self.order) else self.question.choices[self.order[place]]

    def __str__(self) -> str:
        """The question and its lettered options, one a line whatever line breaks they hold."""
        options = [self.option(place) for place in range(len(self.letters))]
        lines = [
            f"{letter}) {option}" for letter, option in zip(self.letters, options, strict=True)
        ]
        return "\n".join(" ".join(line.split()) for line in [self.question.text, *lines])


class Answered(NamedTuple):
    """What a reader made of one question.

    Attributes:
        question: its text.
        said: the option that was chosen, or is the likeliest.
        worth: 1 for the right one, 0 for another; with `soft` the right one's probability.
    """

    question: str
    said: str
    worth: float


def most_choices(settings: QaConfig) -> int:
    """How many options a question may have: there are 26 letters."""
    return len(LETTERS) - settings.abstain


async def answers(
    judge: Judge, captions: Sequence[Caption], settings: QaConfig
) -> list[list[Answered | JudgeError]]:
    """Ask everything about all captions at once.

    Returns:
        For each caption, draw by draw, what was answered, or why there is no usable answer.
    """
    menus = [list(drawn(caption, settings)) for caption in captions]
    requests = [
        request
        for caption, some in zip(captions, menus, strict=True)
        for request in _asks(caption.text, some, settings)
    ]
    read: Callable[[Menu, JudgeResponse], Answered] = letter_said
    if settings.answer == "soft":
        read = partial(probabilities, least=settings.min_mass)
    readers = [partial(read, menu) for some in menus for menu in some]
    outcomes = iter(await judge.read(requests, readers))
    return [list(islice(outcomes, len(some))) for some in menus]


def drawn(caption: Caption, settings: QaConfig) -> Iterator[Menu]:
    """Draw the questions of a caption and the order of their options.

    They hang on the caption, its sample's id and the seed, and on nothing beside them; with more
    draws, the first are the same.
    """
    rng = rng_of(caption, settings.seed)
    questions = caption.sample.questions
    for number in range(settings.draws or len(questions)):
        question = rng.choice(questions) if settings.draws else questions[number]
        count = len(question.choices)
        yield Menu(question, tuple(rng.sample(range(count), count)), settings.abstain)


def rng_of(caption: Caption, seed: int) -> random.Random:
    """Chance that is the same for the same caption, sample id and seed."""
    name = f"{seed}\0{caption.sample.id}\0{caption.text}"
    return random.Random(name.encode("utf-8", "surrogatepass"))


def _asks(caption: str, menus: Sequence[Menu], settings: QaConfig) -> Iterator[JudgeRequest]:
    shown = quoted(caption)
    for number, menu in enumerate(menus):
        text = PROMPT.fill(caption=shown, question=quoted(str(menu)))
        if settings.answer == "soft":
            yield JudgeRequest.of(text, max_tokens=1, choices=tuple(menu.letters))
        else:
            # the same menu drawn twice is two questions only where two answers can differ
            draw = number if settings.temperature > 0 else 0
            yield JudgeRequest.of(
                text, max_tokens=settings.max_tokens, temperature=settings.temperature, draw=draw
            )


def letter_said(menu: Menu, answer: JudgeResponse) -> Answered:
    """Worth 1 for the right letter, 0 for another of the menu. Raises UnusableAnswerError."""
    place = menu.letters.index(parse_letter(answer.text, menu.letters))
    return Answered(menu.question.text, menu.option(place), float(place == menu.right))


def probabilities(menu: Menu, answer: JudgeResponse, least: float) -> Answered:
    """Worth exp(l_right) / sum exp(l), over the log-probabilities l of the letters of the menu.

    Raises:
        UnusableAnswerError: if there are none, or the sum is 0 or below `least`: the reader was
            about to say something else, and letters beyond the ones that a server reports would
            count as impossible.
    """
    if answer.logprobs is None:
        raise UnusableAnswerError("no log-probabilities in the answer")
    each = [math.exp(value) for value in answer.logprobs]
    together = sum(each)
    if together == 0.0 or together < least:
        raise UnusableAnswerError(
            f"the letters {menu.letters} have a probability of {together:.2g} together"
        )
    likeliest = max(range(len(each)), key=lambda place: each[place])
    return Answered(menu.question.text, menu.option(likeliest), each[menu.right] / together)
