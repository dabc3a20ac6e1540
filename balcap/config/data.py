"""Which samples a command works on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from balcap.config.checks import at_least, within
from balcap.errors import UserError

DEFAULT_PROMPT = "Describe this image in detail."


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns of a `records` file, where they are not the usual ones.

    Attributes:
        image: file of the image, relative to the image root.
        caption: the reference caption.
        id: unique name of the row.
        prompt: what the policy is asked.
        facts: list of short true statements.
        questions: list of {question, choices, answer}.
    """

    image: str | None = None
    caption: str | None = None
    id: str | None = None
    prompt: str | None = None
    facts: str | None = None
    questions: str | None = None


@dataclass(frozen=True, kw_only=True)
class ShapesSettings:
    """The world of rendered scenes that ships with balcap (`--data shapes`).

    Attributes:
        train: number of training scenes.
        seed: which world; the training and held-out scenes of one seed never overlap.
        captions: what `balcap sft` learns to write: the full reference, the imperfect mixture
            that the embedded policies start from, a list of keywords, or the grid's cells.
        references: of the training scenes: `full`, or `poor`, which leave out half the things and
            get some of the rest wrong, to see what becomes of a reward that compares with them.
            Held-out scenes keep the full ones.
    """

    train: int = 3000
    seed: int = 0
    captions: Literal["reference", "imperfect", "keywords", "cells"] = "reference"
    references: Literal["full", "poor"] = "full"

    def __post_init__(self) -> None:
        at_least("shapes.train", self.train, 1)
        if self.references == "poor" and self.captions != "reference":
            raise UserError(
                f"shapes.references is 'poor' and shapes.captions {self.captions!r}; a scene has "
                "one caption: leave one of the two out"
            )


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which samples, and which of them are held out.

    Attributes:
        data: KIND:PATH with KIND one of conversations, records, caption-qa, images (no caption
            needed; a folder too); or `shapes`, the built-in world. A Hugging Face data set is
            `records:hf:NAME`.
        image_root: folder that image names are relative to; default: the data file's folder.
        prompt: what the policy is asked, for rows that do not say.
        max_bad: refuse to start when more than this share of the rows is unusable, in [0, 1]; stop
            when more images than this share of the samples prove unusable in mid-run.
        check_images: decode every image before the start (`full`), read its header (`header`),
            or only check that the file is there (`exists`).
        duplicates: rows that say what an earlier row of their id says are bad rows (`refuse`), or
            left out without a word (`drop`).
        eval_data: held-out data of the same form as `data`; default: split off from `data`.
        eval_samples: number of held-out samples; 0 for none.
        columns: column names for `records`.
        shapes: settings of the built-in world.
    """

    data: str = "shapes"
    image_root: Path | None = None
    prompt: str = DEFAULT_PROMPT
    max_bad: float = 0.05
    check_images: Literal["full", "header", "exists"] = "full"
    duplicates: Literal["refuse", "drop"] = "refuse"
    eval_data: str | None = None
    eval_samples: int = 300
    columns: Columns = field(default_factory=Columns)
    shapes: ShapesSettings = field(default_factory=ShapesSettings)

    def __post_init__(self) -> None:
        within("max_bad", self.max_bad, 0.0, 1.0)
        at_least("eval_samples", self.eval_samples, 0)

    @staticmethod
    def whole(settings: Any, data: str) -> DataSettings:
        """All of the data of a command that trains on none, as its settings of these names say: no
        sample is held out, and of the built-in world there are as many as `limit` wants."""
        names = ("image_root", "prompt", "max_bad", "check_images", "duplicates", "columns")
        scenes = min(settings.shapes.train, settings.limit or settings.shapes.train)
        return DataSettings(
            data=data,
            eval_samples=0,
            shapes=replace(settings.shapes, train=scenes),
            **{name: getattr(settings, name) for name in names},
        )
