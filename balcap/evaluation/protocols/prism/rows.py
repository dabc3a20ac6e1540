"""Which question does a row of a Prism set ask, about which image, and what is right?

Rows are `{image, prompt, answer}`. The image is a file's name or an image inside a table; image and
prompt may be Qwen's message content: parts such as `{"type": "image", "image": "a.png"}` and
`{"type": "text", "text": "..."}`, whole messages, or lists of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from balcap.data.parsed_rows import without_image_tokens
from balcap.data.tables import StoredImage
from balcap.errors import UserError


@dataclass(frozen=True)
class PrismRow:
    """One question.

    Attributes:
        sample: whose caption answers it: the image's name, or where the table holds the image
            itself, the row's `id` or place.
        image: name or stored image; None where the row has none.
        text: the question with its options, image tokens left out.
        answers: those that are right.
        truth: the cell that has them, as one text.
        problem: why it cannot be asked, in words that many rows share; empty if it can.
    """

    sample: str
    image: str | StoredImage | None
    text: str
    answers: tuple[str, ...]
    truth: str
    problem: str = ""


def read_rows(rows: Sequence[Mapping[str, Any]], data: str) -> list[PrismRow]:
    """Read every row. Raises UserError if one lacks the fields of a Prism set."""
    return [_read(row, number, data) for number, row in enumerate(rows, 1)]


def _read(row: Mapping[str, Any], number: int, data: str) -> PrismRow:
    if "prompt" not in row or "answer" not in row:
        raise UserError(
            f"{data}, row {number}: a row needs `image`, `prompt` and `answer`; "
            f"found {', '.join(sorted(row))}"
        )
    images = [*_images(row.get("image"))] or [*_images(row["prompt"], bare=False)]
    text = without_image_tokens("\n".join(_texts(row["prompt"])))
    answers = tuple(_answers(row["answer"]))
    image = images[0] if images else None
    return PrismRow(
        sample=image if isinstance(image, str) else str(row.get("id", number)),
        image=image,
        text=text,
        answers=answers,
        truth=str(row["answer"]),
        problem=(
            "more than one image" if len(images) > 1 else
            "no question" if not text else
            "no right answer in the data" if not answers else ""
        ),
    )  # fmt: skip


def _parts(cell: Any) -> Iterator[Any]:
    """What a cell is made of: lists and messages opened."""
    if isinstance(cell, list | tuple):
        for each in cell:
            yield from _parts(each)
    elif isinstance(cell, Mapping) and "content" in cell:
        yield from _parts(cell["content"])
    elif cell is not None:
        yield cell


def _images(cell: Any, *, bare: bool = True) -> Iterator[str | StoredImage]:
    """The images of a cell; a bare text is the name of one only where `bare`."""
    for part in _parts(cell):
        found = part if bare or isinstance(part, StoredImage) else None
        if isinstance(part, Mapping):
            found = part.get("image") or part.get("image_url") or part.get("path")
            found = found.get("url") if isinstance(found, Mapping) else found
        if isinstance(found, str | StoredImage) and found:
            yield found.removeprefix("file://") if isinstance(found, str) else found


def _texts(cell: Any) -> Iterator[str]:
    for part in _parts(cell):
        text = part.get("text") if isinstance(part, Mapping) else part
        if isinstance(text, str):
            yield text


def _answers(cell: Any) -> Iterator[str]:
    for part in _parts(cell):
        if isinstance(part, str | int | float) and str(part).strip():
            yield str(part).strip()
