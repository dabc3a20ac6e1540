"""How is a question put to the reader, and which option did it choose?"""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path

from balcap.judges.images import Picture
from balcap.judges.parsing import parse_letter
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest, JudgeResponse
from balcap.types import Question

_PROMPTS = Path(__file__).parent / "prompts"
WITH_IMAGE = Prompt.read(_PROMPTS / "with_image.txt")
WITHOUT_IMAGE = Prompt.read(_PROMPTS / "without_image.txt")

MOST_CHOICES = len(string.ascii_uppercase)


@dataclass(frozen=True)
class Menu:
    """A question with its options moved on by some places: behind letter p stands option p + turn.

    Attributes:
        question: what is asked.
        rotation: number of the menu. With more rotations than options the first orders come again,
            as new draws.
    """

    question: Question
    rotation: int

    @property
    def letters(self) -> str:
        """One for each option."""
        return string.ascii_uppercase[: len(self.question.choices)]

    def option(self, place: int) -> int:
        """Index, as written, of the option at a place."""
        return (place + self.rotation) % len(self.question.choices)

    def request(self, picture: Picture | None, max_tokens: int) -> JudgeRequest:
        """The question, with the picture or without; greedy."""
        options = [self.question.choices[self.option(p)] for p in range(len(self.letters))]
        lines = [f"{a}) {option}" for a, option in zip(self.letters, options, strict=True)]
        text = "\n".join(" ".join(line.split()) for line in [self.question.text, *lines])
        prompt = WITH_IMAGE if picture else WITHOUT_IMAGE
        return JudgeRequest.of(
            prompt.fill(question=quoted(text)),
            *((picture,) if picture else ()),
            max_tokens=max_tokens,
            draw=self.rotation // len(self.question.choices),
        )

    def read(self, answer: JudgeResponse) -> int:
        """Index, as written, of the option that an answer chooses.

        Raises:
            UnusableAnswerError: if it names none.
        """
        return self.option(self.letters.index(parse_letter(answer.text, self.letters)))
