"""The nouns: what a data set gives, what a policy writes, what a head answers. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from balcap.errors import JudgeError, UnreadableImageError, UnusableAnswerError
from balcap.rgb import to_rgb

if TYPE_CHECKING:
    from PIL.Image import Image


@runtime_checkable
class Renderable(Protocol):
    """A picture that is drawn when it is needed, such as a scene of the shapes world."""

    def render(self) -> Image:
        """Draw the picture (RGB)."""
        ...


@runtime_checkable
class Checkable(Protocol):
    """What is known of a picture exactly, such as a scene of the shapes world.

    Samples that have it carry it in their metadata, as `scene`.
    """

    def verdicts(self, text: str) -> Sequence[bool | None]:
        """Check a text: True or False for each claim of it, each once; None for each sentence that
        claims nothing that could be checked."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """One multiple-choice question about an image.

    Attributes:
        text: the question.
        choices: the options, at least two, all different.
        answer: index of the right option in `choices`.
        statements: each option as a full sentence, in the order of `choices`, for readers that
            compare sentences; empty where the data has none.
        kind: what is asked for, such as `"colour"`; empty where the data does not say.
    """

    text: str
    choices: tuple[str, ...]
    answer: int
    statements: tuple[str, ...] = ()
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """An image to caption, and what reward heads may need to know about it.

    Attributes:
        id: unique within its data set; `balcap.train` numbers those that have none.
        prompt: what the policy is asked, without any image token; `balcap.train` asks its own where
            there is none.
        image: a file, a PIL image, or something that renders itself; None only where no image is
            needed (`balcap score`).
        reference: a good caption of the image; None where the data has none.
        facts: short statements that are true of the image.
        questions: multiple-choice questions about the image.
        metadata: anything else of the row, by its column's name.
    """

    id: str = ""
    prompt: str = ""
    image: Path | Image | Renderable | None = None
    reference: str | None = None
    facts: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def open_image(self) -> Image:
        """Return the picture as RGB (`balcap.rgb`).

        Raises:
            UnreadableImageError: if it is gone, or cannot be decoded.
            ValueError: if the sample has none.
        """
        if self.image is None:
            raise ValueError(f"sample {self.id!r} has no image")
        try:
            if isinstance(self.image, Path):
                from PIL import Image as Picture

                with Picture.open(self.image) as picture:
                    return to_rgb(picture)
            if isinstance(self.image, Renderable):
                return self.image.render()
            return to_rgb(self.image)
        except Exception as error:  # Pillow's decoders raise whatever the broken bytes led them to
            raise UnreadableImageError(self.id, f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class Caption:
    """A text about a sample's image.

    Attributes:
        sample: what it describes.
        text: the caption, without special tokens.
        num_tokens: its length in the policy's tokens, where a policy wrote it.
        finished: whether the policy ended it by itself, before it was cut off; None where that is
            not known.
    """

    sample: Sample
    text: str
    num_tokens: int | None = None
    finished: bool | None = None


@dataclass(frozen=True, slots=True)
class Unscored:
    """The answer of a head that has no score for a caption. Never a 0: it leaves every mean.

    Attributes:
        reason: why, in a few words; shown to the user and counted per head.
        cause: whose fault it is: the `data` lack something, the `judge` did not answer, or its
            `answer` was unusable. Training waits for a judge that leaves too many out.
    """

    reason: str
    cause: Literal["data", "judge", "answer"] = "data"

    @staticmethod
    def by(error: JudgeError) -> Unscored:
        """What a judge's failure leaves."""
        unusable = isinstance(error, UnusableAnswerError)
        return Unscored(str(error) or "the judge failed", "answer" if unusable else "judge")


class Score(float):
    """A score that can say why: a float with an explanation and the evidence behind it.

    `Score(0.5, "1 of 2 facts stated", {"missed": ["a red ball"]})` counts as 0.5 wherever a number
    does. A head that has nothing to say answers plain floats.

    Attributes:
        explanation: for a person, one line or a few.
        evidence: for programs: plain JSON values by name, such as the facts found and missed.
    """

    __slots__ = ("evidence", "explanation")
    explanation: str
    evidence: Mapping[str, Any]

    def __new__(
        cls, value: float, explanation: str = "", evidence: Mapping[str, Any] | None = None
    ) -> Score:
        """Make a float that carries its reasons."""
        score = super().__new__(cls, value)
        score.explanation = explanation
        score.evidence = evidence or {}
        return score

    def __getnewargs__(self) -> tuple[float, str, Mapping[str, Any]]:  # type: ignore[override]
        """What pickle calls the class with again, in another process."""
        return float(self), self.explanation, self.evidence


HeadScore = float | Unscored
"""What a head says of one caption: a finite number, at best a `Score`, or why there is none."""
