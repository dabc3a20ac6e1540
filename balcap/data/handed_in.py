"""Samples that were made in Python -> a data file in the run's folder.

    FOLDER/NAME.jsonl             a row a sample, read as `images:FOLDER/NAME.jsonl`
    FOLDER/NAME-images/0000.png   pictures that are in no file, and links to those that are

So they pass the checks of all data, and a run can be resumed, reported and exported by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from balcap.atomic import atomic_write
from balcap.data.questions import question_row
from balcap.errors import UserError
from balcap.types import Sample

COLUMNS = ("id", "prompt", "image", "caption", "facts", "questions")


def write_samples(samples: Sequence[Sample], folder: Path, name: str) -> str:
    """Write samples to a folder; returns what `data` is set to for them.

    Args:
        samples: with images; those without an id are numbered, as `train-0000`.
        folder: made if it is not there; what an earlier call wrote there is replaced.
        name: of the file, such as `train`.

    Raises:
        UserError: for something that is no sample, or that a file cannot hold; if the folder cannot
            be written.
    """
    try:
        pictures = folder / f"{name}-images"
        pictures.mkdir(parents=True, exist_ok=True)
        lines = []
        for number, sample in enumerate(samples):
            if not isinstance(sample, Sample):
                raise UserError(
                    f"{name}: item {number} is a {type(sample).__name__}; give balcap.Sample(...)"
                )
            shown = sample.id or f"{name}-{number:04}"
            image = _keep_picture(sample, shown, pictures / f"{number:04}")
            row = _row(sample, shown, str(image.relative_to(folder)))
            lines.append(_as_json(row, shown))
        with atomic_write(folder / f"{name}.jsonl") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        raise UserError(
            f"cannot write the samples to {folder}: {error.strerror or error}; "
            "name another folder with run="
        ) from error
    return f"images:{folder / name}.jsonl"


def _keep_picture(sample: Sample, shown: str, place: Path) -> Path:
    if sample.image is None:
        raise UserError(f"sample {shown!r} has no image; give Sample(image=...)")
    if isinstance(sample.image, str | Path):
        link = place.with_suffix(Path(sample.image).suffix)
        link.unlink(missing_ok=True)
        link.symlink_to(
            Path(sample.image).resolve()
        )  # whether it is there is checked with all data
        return link
    file = place.with_suffix(".png")
    file.unlink(missing_ok=True)  # it may be a link of an earlier call
    sample.open_image().save(file)
    return file


def _row(sample: Sample, shown: str, image: str) -> Mapping[str, Any]:
    if taken := [name for name in sample.metadata if name in COLUMNS]:
        raise UserError(f"sample {shown!r}: metadata cannot be called {taken[0]!r}; rename it")
    return {
        "id": shown,
        "prompt": sample.prompt or None,
        "image": image,
        "caption": sample.reference,
        "facts": list(sample.facts) or None,
        "questions": [question_row(question) for question in sample.questions] or None,
        **sample.metadata,
    }


def _as_json(row: Mapping[str, Any], shown: str) -> str:
    try:
        return json.dumps(row)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"sample {shown!r} cannot be kept: {error}; metadata must be values of JSON"
        ) from error
