"""The settings of `balcap curate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from balcap.config.checks import NOT_GIVEN, at_least, counts, must_be_given, within
from balcap.config.consensus import ConsensusSettings
from balcap.config.data import DEFAULT_PROMPT, Columns, DataSettings, ShapesSettings
from balcap.config.engine import EngineSettings
from balcap.config.judge import JudgeSettings
from balcap.errors import UserError

SCENE_JUDGE = "balcap.curation.scene_judge:answer"


@dataclass(frozen=True, kw_only=True)
class QuestionSettings:
    """Which questions are written, and which are kept.

    Attributes:
        number: questions that the writer is asked for, for each image (CapRL: 5).
        rotations: how often the reader is asked a question with the image, and as often without,
            each time with the options moved on by one place (CapRL: 4).
        min_with_image: least share of right answers with the image, in [0, 1] (CapRL: more than
            0.75).
        max_without_image: largest share of right answers without it, in [0, 1] (CapRL: less than
            0.25). A reader that guesses among four options is right in 0.25.
        near: two questions of an image are compared by sentence `embedding`, or by their `words`;
            `auto` is embedding where a model is installed, named or in the hub's cache.
        near_similarity: from this on, in [0, 1], the later one is dropped: the cosine, or the share
            of words that are in both. Ours, measured on the shapes world: no two of its questions
            are as near as 0.9.
        model: of `near embedding`: `auto` for all-MiniLM-L6-v2, a hub id, or a folder.
        answer_tokens: longest answer of the reader, more for one that thinks first (CapRL: 10).
    """

    number: int = 5
    rotations: int = 4
    min_with_image: float = 0.75
    max_without_image: float = 0.25
    near: Literal["auto", "embedding", "words"] = "auto"
    near_similarity: float = 0.9
    model: str = "auto"
    answer_tokens: int = 10

    def __post_init__(self) -> None:
        for name in ("number", "rotations", "answer_tokens"):
            at_least(f"questions.{name}", getattr(self, name), 1)
        for name in ("min_with_image", "max_without_image", "near_similarity"):
            within(f"questions.{name}", getattr(self, name), 0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class CurationSettings:
    """Which images, what is written about them, and by whom.

    Attributes:
        data: KIND:PATH with KIND one of conversations, records, caption-qa, images (a file or a
            folder); or `shapes`, the built-in world, whose judge needs no model.
        out: folder of the result, from which a second start resumes.
        what: `questions` that can be answered from the image and not without it; `references`, a
            caption each; `facts`, short statements; `rubrics`, weighted criteria.
        writer: who writes, given the image.
        reader: who answers the questions; what is not given here is taken from the writer.
        limit: only the first so many images.
        license: of the result, for its manifest, such as `CC-BY-4.0`. The licences of the images
            and of the judges' output are yours to know.
        image_root: folder that image names are relative to; default: the data file's folder.
        prompt: what the policy is asked, for rows that do not say.
        max_bad: refuse to start when more than this share of the rows is unusable, in [0, 1].
        check_images: decode every image before the start (`full`), read its header (`header`),
            or only check that the file is there (`exists`).
        duplicates: rows that say what an earlier row of their id says are bad rows (`refuse`), or
            left out without a word (`drop`).
        at_once: images that are worked on at once, by each worker of Ray. A kill costs nothing of
            them that is in the judge's cache.
        temperature: of the writer, in [0, 2] (CapRL: 0.1; ours: the likeliest).
        max_tokens: longest answer of the writer (CapRL: 2048).
        max_failed: share of the images that may be left without an answer, in [0, 1]; beyond it the
            exit code is 3, and the same command asks for them again.
        questions: which are written and kept.
        columns: column names for `records`.
        shapes: settings of the built-in world.
    """

    data: str = "shapes"
    out: Path = NOT_GIVEN
    what: Literal["questions", "references", "facts", "rubrics"] = "questions"
    writer: JudgeSettings = field(default_factory=JudgeSettings)
    reader: JudgeSettings = field(default_factory=JudgeSettings)
    limit: int | None = None
    license: str = ""
    image_root: Path | None = None
    prompt: str = DEFAULT_PROMPT
    max_bad: float = 0.05
    check_images: Literal["full", "header", "exists"] = "full"
    duplicates: Literal["refuse", "drop"] = "refuse"
    at_once: int = 32
    temperature: float = 0.0
    max_tokens: int = 2048
    max_failed: float = 0.01
    questions: QuestionSettings = field(default_factory=QuestionSettings)
    columns: Columns = field(default_factory=Columns)
    shapes: ShapesSettings = field(default_factory=ShapesSettings)

    def __post_init__(self) -> None:
        must_be_given(
            self.out, "no folder for the result; name one: balcap curate --data DATA --out DIR"
        )
        counts(self, "limit", "at_once", "max_tokens")
        within("temperature", self.temperature, 0.0, 2.0)
        within("max_failed", self.max_failed, 0.0, 1.0)
        _ = self.images
        if self.what != "questions" and self.reader != JudgeSettings():
            raise UserError(
                f"reader is set, and what is {self.what!r}, for which only the writer is asked; "
                "leave out --reader.*, or --what"
            )
        if self.asked.backend is None:
            raise UserError(
                "no writer is set; say which judge sees the images and writes: --writer.backend "
                "endpoint --writer.url http://127.0.0.1:8000/v1 --writer.model NAME"
            )

    @property
    def asked(self) -> JudgeSettings:
        """The writer: as set, or the built-in world's own judge where nobody is set there."""
        if self.data == "shapes" and self.writer.backend is None:
            return self.writer.over(JudgeSettings(backend="scripted", model=SCENE_JUDGE))
        return self.writer

    @property
    def images(self) -> DataSettings:
        """Which data are read: all of them, none held out; of the built-in world, as many scenes as
        are wanted."""
        return DataSettings.whole(self, self.data)


@dataclass(frozen=True, kw_only=True)
class CurateSettings(EngineSettings, ConsensusSettings, CurationSettings):
    """The settings of `balcap curate`; the help shows them from the last of these classes on."""

    def __post_init__(self) -> None:
        CurationSettings.__post_init__(self)
        ConsensusSettings.__post_init__(self)
        EngineSettings.__post_init__(self)
        if self.what != "rubrics" and self.teachers:
            raise UserError(
                f"teachers is set, and what is {self.what!r}; captions are compared for rubrics "
                "alone: add --what rubrics, or leave out --teachers"
            )
