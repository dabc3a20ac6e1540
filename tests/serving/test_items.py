"""What a request asks for, and what it may not."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from balcap.serving.errors import RequestError
from balcap.serving.items import Asked, ItemReader, schema
from balcap.types import Question


def read(*items: Any, root: Path | None = None, looks: bool = True) -> list[Asked]:
    return ItemReader.of(root, looks=looks).read(list(items))


def refused(body: Any, root: Path | None = None) -> str:
    with pytest.raises(RequestError) as caught:
        ItemReader.of(root, looks=True).read(body)
    assert caught.value.status == 422
    return caught.value.message


def png(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 2), colour).save(file, format="PNG")
    return file.getvalue()


def test_an_item_is_a_caption_with_its_sample() -> None:
    [asked] = read(
        {
            "caption": "A dog.",
            "id": 7,
            "reference": "A red dog.",
            "facts": ["the dog is red"],
            "questions": [["What colour?\n- A) red\n- B) black", "B"]],
            "prompt": "Describe.",
            "rubric": [["says red", 1]],
        }
    )
    sample = asked.caption.sample
    assert asked.caption.text == "A dog."
    assert (sample.id, sample.reference, sample.facts) == ("7", "A red dog.", ("the dog is red",))
    assert sample.questions == (Question("What colour?", ("red", "black"), 1),)
    assert (sample.prompt, sample.metadata) == ("Describe.", {"rubric": [["says red", 1]]})


def test_captions_of_which_the_same_is_said_share_their_sample() -> None:
    """So that a picture is read once, and a judge's draws are the same whenever it is asked."""
    one, two, three = read(
        {"caption": "a", "reference": "x"},
        {"caption": "b", "reference": "x"},
        {"caption": "a", "reference": "y"},
    )
    assert one.caption.sample is two.caption.sample
    assert one.caption.sample.id != three.caption.sample.id
    [again] = read({"caption": "c", "reference": "x"})
    assert again.caption.sample == one.caption.sample


@pytest.mark.parametrize("prefix", ["data:image/png;base64,", ""])
def test_an_image_comes_in_base64(prefix: str) -> None:
    text = prefix + base64.b64encode(png()).decode()
    [asked] = read({"caption": "a", "image": text})
    assert asked.caption.sample.open_image().getpixel((0, 0)) == (255, 0, 0)


def test_an_image_is_a_file_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "images" / "sub").mkdir(parents=True)
    (tmp_path / "images" / "sub" / "a.png").write_bytes(png("blue"))
    [asked] = read({"caption": "a", "image": "sub/a.png"}, root=tmp_path / "images")
    assert asked.caption.sample.open_image().getpixel((0, 0)) == (0, 0, 255)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "{root}/../secret.png", "b.png"])
def test_a_file_elsewhere_is_not_told_apart_from_one_that_is_nowhere(
    name: str, tmp_path: Path
) -> None:
    root = tmp_path / "images"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(png())
    name = name.format(root=root)
    assert refused([{"caption": "a", "image": name}], root) == (
        f"item 0: image {name!r:.80} is neither a file below the server's image root nor an image "
        "in base64; balcap downloads no images"
    )


def test_an_image_that_no_head_needs_may_be_missing() -> None:
    [asked] = read({"caption": "a", "image": "https://example.com/a.png"}, looks=False)
    assert asked.caption.sample.image is None
    text = base64.b64encode(png()).decode()
    [asked] = read({"caption": "a", "image": text}, looks=False)
    assert asked.caption.sample.open_image().size == (4, 2)


@pytest.mark.parametrize(("body", "message"), [
    ({"caption": "a"}, "the body is an object; it must be a list of items"),
    ([], "the list has no items; give at least one"),
    ([{"caption": "a"}, {}], "item 1: has no caption"),
    (["a"], "item 0: is a text; it must be an object with a caption"),
    ([{"caption": 5}], "item 0: caption is 5; it must be a text"),
    ([{"caption": "a", "facts": "b"}], "item 0: facts is a text; it must be a list"),
    ([{"caption": "a", "facts": [1]}], "item 0: facts.0 is 1; it must be a text"),
    ([{"caption": "\ud800"}], "item 0: has a caption that is no valid Unicode"),
    ([{"caption": "a", "id": "\ud800"}], "item 0: holds text that is no valid Unicode"),
    (
        [{"caption": "a", "image": "a.png"}],
        "item 0: image 'a.png' is no image in base64, and this server reads no files; send the "
        "image itself, or start it with --image-root FOLDER",
    ),
    (
        [{"caption": "a", "image": "data:image/png;base64,AAAA"}],
        "item 0: image in column 'image' cannot be read: it is of no format that Pillow knows",
    ),
    (
        [{"caption": "a", "questions": [{"question": "x", "choices": ["a", "b"], "answer": "c"}]}],
        "item 0: question 1: answer 'c' is not among the choices ['a', 'b']",
    ),
])  # fmt: skip
def test_what_cannot_be_read_is_named(body: Any, message: str) -> None:
    assert refused(body) == message


def test_the_schema_names_the_fields() -> None:
    assert {"caption", "image", "reference", "facts", "questions"} <= {
        *schema()["items"]["properties"]
    }
