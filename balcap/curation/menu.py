"""How is a question put to the reader, and which option did it choose?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from balcap.heads.reading import Menu, letter_said, most_choices
from balcap.judges.images import Picture
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest, JudgeResponse
from balcap.types import Question

_PROMPTS = Path(__file__).parent / "prompts"
WITH_IMAGE = Prompt.read(_PROMPTS / "with_image.txt")
WITHOUT_IMAGE = Prompt.read(_PROMPTS / "without_image.txt")

MOST_CHOICES = most_choices(abstain=False)


@dataclass(frozen=True)
class RotatedMenu:
    """A question with its options moved on by some places: behind letter p stands option p + turn.

    Attributes:
        question: what is asked.
        rotation: number of the menu. With more rotations than options the first orders come again,
            as new draws.
    """

    question: Question
    rotation: int

    @property
    def menu(self) -> Menu:
        """What the reader sees."""
        count = len(self.question.choices)
        order = tuple((place + self.rotation) % count for place in range(count))
        return Menu(self.question, order, abstain=False)

    def request(self, picture: Picture | None, max_tokens: int) -> JudgeRequest:
        """The question, with the picture or without; greedy."""
        prompt = WITH_IMAGE if picture else WITHOUT_IMAGE
        return JudgeRequest.of(
            prompt.fill(question=quoted(str(self.menu))),
            *((picture,) if picture else ()),
            max_tokens=max_tokens,
            draw=self.rotation // len(self.question.choices),
        )

    def read(self, answer: JudgeResponse) -> int:
        """Index, as written, of the option that an answer chooses.

        Raises:
            UnusableAnswerError: if it names none.
        """
        said = letter_said(self.menu, answer)
        return said.menu.order[said.place]
