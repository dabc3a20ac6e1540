"""How is a reader of a caption asked, and what did it answer? CapRL's protocol (arXiv 2509.22647).

Options behind letters, in an order drawn anew on each draw; "cannot be told" always last. Shared by
the head qa, which rewards with it, and by `balcap judge check`, which asks whether it should.
"""

from __future__ import annotations

import math
import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol

from balcap.errors import JudgeError, UnusableAnswerError, UserError
from balcap.judges.judge import Judge
from balcap.judges.parsing import parse_letter
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest, JudgeResponse
from balcap.types import Caption, Question

PROMPT = Prompt.read(Path(__file__).parent / "prompts" / "qa_reader.txt")
ABSTAIN = "This cannot be told from the description."
LETTERS = string.ascii_uppercase

AnswerMode = Literal["letter", "soft", "gain"]


class Asking(Protocol):
    """What must be known to ask: settings of the head qa, and of `balcap judge check`."""

    @property
    def answer(self) -> AnswerMode:
        """How an answer is read: the letter that is said, or probabilities of letters."""

    @property
    def abstain(self) -> bool:
        """Whether "cannot be told" stands behind the options."""

    @property
    def temperature(self) -> float:
        """At which a letter is sampled."""

    @property
    def max_tokens(self) -> int:
        """Longest answer with a letter."""

    @property
    def min_mass(self) -> float:
        """Least probability of the letters together, where probabilities are read."""


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


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of one menu.

    Attributes:
        menu: what it saw.
        place: of the option that was said, or is the likeliest; that behind the options is "cannot
            be told".
        worth: 1 for the right letter, 0 for another; where probabilities were asked for, the right
            one's, in [0, 1].
    """

    menu: Menu
    place: int
    worth: float

    @property
    def said(self) -> str:
        """The option that was chosen."""
        return self.menu.option(self.place)

    @property
    def is_right(self) -> bool:
        """Whether the right option was chosen."""
        return self.place == self.menu.right

    @property
    def abstained(self) -> bool:
        """Whether "cannot be told" was."""
        return self.place == len(self.menu.order)


AnyOutcome = Reading | JudgeError


def most_choices(abstain: bool) -> int:
    """How many options a question may have: there are 26 letters."""
    return len(LETTERS) - abstain


def check_logprobs(judge: Judge, answer: AnswerMode, setting: str) -> None:
    """Raise UserError if the answer is read from probabilities and the judge gives none.

    Args:
        judge: nothing is asked of it.
        answer: how answers are read.
        setting: `qa.answer`, for the message.
    """
    if answer != "letter" and not judge.shared.backend.logprobs:
        raise UserError(
            f"{setting} is {answer!r}, which needs log-probabilities, and the judge {judge.name} "
            f"answers with texts only; set {setting} letter, or ask a judge of the backend "
            "endpoint (vLLM, SGLang) or local"
        )


async def read_menus(
    judge: Judge, caption_menus: Sequence[tuple[str, Sequence[Menu]]], settings: Asking
) -> list[list[AnyOutcome]]:
    """Ask everything about all captions at once.

    Args:
        judge: the reader.
        caption_menus: texts, each with its menus; an empty text is a description that says
            nothing.
        settings: how to ask.

    Returns:
        For each text, menu by menu, what was answered, or why there is no usable answer.
    """
    requests = [
        request for text, menus in caption_menus for request in _requests(text, menus, settings)
    ]
    readers = [
        partial(letter_said, menu)
        if settings.answer == "letter"
        else partial(probabilities, menu, least=settings.min_mass)
        for _, menus in caption_menus
        for menu in menus
    ]
    outcomes = iter(await judge.read(requests, readers))
    return [list(islice(outcomes, len(menus))) for _, menus in caption_menus]


def drawn(
    questions: Sequence[Question], rng: random.Random, draws: int, abstain: bool
) -> Iterator[Menu]:
    """Draw questions and the order of their options; with more draws, the first are the same.

    Args:
        questions: at least one.
        rng: chance.
        draws: 0 for each question once, or how many are drawn with replacement.
        abstain: offer "cannot be told".
    """
    for number in range(draws or len(questions)):
        question = rng.choice(questions) if draws else questions[number]
        count = len(question.choices)
        yield Menu(question, tuple(rng.sample(range(count), count)), abstain)


def rng_of(caption: Caption, seed: int) -> random.Random:
    """Chance that is the same for the same caption, sample id and seed."""
    return seeded(f"{seed}\0{caption.sample.id}\0{caption.text}")


def seeded(name: str) -> random.Random:
    """Chance that is the same for the same name, which may hold half a surrogate pair."""
    return random.Random(name.encode("utf-8", "surrogatepass"))


def _requests(caption: str, menus: Sequence[Menu], settings: Asking) -> Iterator[JudgeRequest]:
    shown = quoted(caption)
    for number, menu in enumerate(menus):
        text = PROMPT.fill(caption=shown, question=quoted(str(menu)))
        if settings.answer == "letter":
            # the same menu drawn twice is two questions only where two answers can differ
            draw = number if settings.temperature > 0 else 0
            yield JudgeRequest.of(
                text, max_tokens=settings.max_tokens, temperature=settings.temperature, draw=draw
            )
        else:
            yield JudgeRequest.of(text, max_tokens=1, choices=tuple(menu.letters))


def letter_said(menu: Menu, answer: JudgeResponse) -> Reading:
    """Worth 1 for the right letter, 0 for another of the menu. Raises UnusableAnswerError."""
    place = menu.letters.index(parse_letter(answer.text, menu.letters))
    return Reading(menu, place, float(place == menu.right))


def probabilities(menu: Menu, answer: JudgeResponse, least: float) -> Reading:
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
    return Reading(menu, likeliest, each[menu.right] / together)
