"""What does a request ask for? JSON -> captions with their samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from balcap.data.base64_images import from_base64
from balcap.data.images import Gallery, look
from balcap.data.questions import read_questions
from balcap.data.row import BadRowError
from balcap.data.tables import StoredImage
from balcap.serving.errors import RequestError
from balcap.types import Caption, Sample


class Item(BaseModel):
    """One caption, with what the heads need to know about its image.

    Further fields are the sample's metadata, such as a rubric.
    """

    model_config = ConfigDict(extra="allow", strict=True)

    caption: str = Field(description="what is scored")
    id: str | int | None = Field(
        default=None,
        description="of the image; default: made of what is said of it. A judge's draws hang on it",
    )
    image: str | None = Field(
        default=None, description="a file below --image-root, a data URL, or base64"
    )
    reference: str | None = Field(default=None, description="a good caption of the image")
    facts: list[str] = Field(default=[], description="short statements that are true of it")
    questions: Any = Field(
        default=None,
        description="multiple-choice questions, {question, choices, answer} or any layout that "
        "balcap's data files may have",
    )
    prompt: str = Field(default="", description="what the policy was asked")


@dataclass(frozen=True)
class Asked:
    """A caption that was asked for.

    Attributes:
        caption: with its sample.
        content: names all that was said of the sample; equal ones have the same sample.
    """

    caption: Caption
    content: str = field(compare=False)


@dataclass(frozen=True)
class ItemReader:
    """Reads the items of requests.

    Attributes:
        gallery: where images are named; None: nowhere.
        looks: whether a head needs images. If not, one that cannot be used is left out.
    """

    gallery: Gallery | None
    looks: bool

    @staticmethod
    def of(image_root: Path | None, *, looks: bool) -> ItemReader:
        """For images below a folder."""
        gallery = None if image_root is None else Gallery(image_root.resolve(), "full")
        return ItemReader(gallery, looks)

    def read(self, body: Any) -> list[Asked]:
        """Read a list of items.

        Raises:
            RequestError: 422, naming the item by its number, counted from 0.
        """
        if not isinstance(body, list):
            raise RequestError(422, f"the body is {_kind(body)}; it must be a list of items")
        if not body:
            raise RequestError(422, "the list has no items; give at least one")
        asked = []
        samples: dict[str, Sample] = {}  # one image may have many captions
        for number, item in enumerate(body):
            try:
                asked.append(self._one(item, samples))
            except BadRowError as error:
                raise RequestError(422, f"item {number}: {error}") from None
        return asked

    def _one(self, given: Any, samples: dict[str, Sample]) -> Asked:
        item = _checked(given)
        content = _digest({key: value for key, value in given.items() if key != "caption"})
        if content not in samples:
            samples[content] = self._sample(item, content)
        return Asked(Caption(samples[content], item.caption), content)

    def _sample(self, item: Item, content: str) -> Sample:
        return Sample(
            id=content[:16] if item.id is None else str(item.id),
            prompt=item.prompt,
            image=self._image(item.image),
            reference=item.reference,
            facts=tuple(item.facts),
            questions=read_questions(item.questions),
            metadata=item.model_extra or {},
        )

    def _image(self, image: str | None) -> Path | StoredImage | None:
        if image is None:
            return None
        try:
            found: Path | StoredImage = from_base64(image) or self._named(image)
            if self.looks and (seen := look(found, decode=True)).fault:
                raise BadRowError(seen.fault)
        except BadRowError:
            if self.looks:
                raise
            return None  # as data without images are scored too
        return found

    def _named(self, name: str) -> Path | StoredImage:
        """A file below the root. What is elsewhere is not told apart from what is nowhere."""
        if self.gallery is None:
            raise BadRowError(
                f"image {name!r:.80} is no image in base64, and this server reads no files; send "
                "the image itself, or start it with --image-root FOLDER"
            )
        try:
            found = self.gallery.find(name)
        except BadRowError:
            found = None
        if found is None:
            raise BadRowError(
                f"image {name!r:.80} is neither a file below the server's image root nor an image "
                "in base64; balcap downloads no images"
            )
        return found


def _checked(given: Any) -> Item:
    if not isinstance(given, Mapping):
        raise BadRowError(f"is {_kind(given)}; it must be an object with a caption")
    try:
        item = Item.model_validate(given)
        item.caption.encode()
        return item
    except UnicodeEncodeError:
        raise BadRowError("has a caption that is no valid Unicode") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        if first["type"] == "missing":
            raise BadRowError("has no caption") from None
        place = ".".join(map(str, first["loc"]))
        raise BadRowError(
            f"{place} is {_kind(first['input'])}; {_in_words(first['msg'])}"
        ) from None


def _digest(content: Mapping[str, Any]) -> str:
    written = json.dumps(content, sort_keys=True, ensure_ascii=False)
    try:
        return hashlib.sha256(written.encode()).hexdigest()
    except UnicodeEncodeError:
        raise BadRowError("holds text that is no valid Unicode") from None


def _kind(value: Any) -> str:
    """A value in a word or two, for messages; what may be long is not repeated."""
    kinds = {dict: "an object", list: "a list", str: "a text", type(None): "null"}
    return kinds.get(type(value), repr(value)[:40])


def _in_words(message: str) -> str:
    """Pydantic's message in this package's words."""
    said = message.replace("Input should be", "it must be")
    return said.replace("a valid string", "a text").replace("a valid list", "a list")


def schema() -> dict[str, Any]:
    """JSON schema of a request's body, for the server's own page."""
    return {"type": "array", "items": Item.model_json_schema()}
