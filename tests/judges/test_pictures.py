"""A picture is named by its content, and never larger than allowed."""

import base64
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from balcap.judges import images
from balcap.judges.images import Picture, shrunk
from balcap.types import Sample


class Drawn:
    """Renders itself, and counts how often."""

    def __init__(self, colour):
        self.colour = colour
        self.drawn = 0

    def render(self):
        self.drawn += 1
        return Image.new("RGB", (40, 20), self.colour)


def of_file(path, colour):
    Image.new("RGB", (40, 20), colour).save(path)
    return Picture(Sample(path.stem, "", path))


def test_pictures_of_the_same_content_are_equal_wherever_they_lie(tmp_path):
    one, same = of_file(tmp_path / "a.png", "red"), of_file(tmp_path / "b.png", "red")
    other = of_file(tmp_path / "c.png", "blue")
    assert one == same != other
    assert len({one, same, other}) == 2


def test_scenes_that_render_alike_are_equal():
    red, again, blue = (Picture(Sample(c, "", Drawn(c))) for c in ("red", "red", "blue"))
    assert red.digest == again.digest != blue.digest


def shown(picture, max_pixels):
    """Type and bytes of what a judge gets."""
    head, data = picture.data_url(max_pixels).split(",")
    return head.removeprefix("data:").removesuffix(";base64"), base64.b64decode(data)


def test_a_picture_is_encoded_once_a_size():
    scene = Drawn("red")
    for _ in range(3):
        picture = Picture(Sample("x", "", scene))
        for most, size in ((10_000, (40, 20)), (200, (20, 10))):
            kind, data = shown(picture, most)
            assert (kind, Image.open(io.BytesIO(data)).size) == ("image/jpeg", size)
    assert scene.drawn == 3 + 2  # the digest of each of the three, and an image a size


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_a_file_that_can_be_shown_is_sent_as_it_is(tmp_path, kind):
    file = tmp_path / f"a.{kind}"
    Image.effect_noise((40, 20), 50).convert("RGB").save(file)
    assert shown(Picture(Sample("a", "", file)), 800) == (f"image/{kind}", file.read_bytes())
    kind, smaller = shown(Picture(Sample("a", "", file)), 799)
    assert kind == "image/jpeg"
    assert Image.open(io.BytesIO(smaller)).size == (39, 19)


def test_a_file_that_would_be_seen_otherwise_is_sent_as_it_is_seen(tmp_path):
    file = tmp_path / "clear.png"
    Image.new("RGBA", (40, 20), (0, 0, 0, 0)).save(file)
    kind, data = shown(Picture(Sample("a", "", file)), 800)
    assert kind == "image/jpeg"
    assert Image.open(io.BytesIO(data)).getpixel((5, 5)) == (255, 255, 255)


def test_one_picture_is_encoded_once_however_many_ask_at_once():
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Drawn):
        def render(self):
            if self.drawn:  # the first is for the digest
                begun.set()
                go_on.wait(10)
            return super().render()

    scene = Slow("green")
    picture = Picture(Sample("x", "", scene))
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(picture.data_url, 801) for _ in range(4)]
        begun.wait(10)
        go_on.set()
        assert len({one.result() for one in asked}) == 1
    assert scene.drawn == 2


def test_what_is_kept_is_bounded_in_bytes(monkeypatch):
    monkeypatch.setattr(images, "KEPT", 25)
    memo, made = images._Memo(), []

    def get(name):
        return memo.get((name, 1), lambda: made.append(name) or name * 10)

    assert [get(name) for name in "aabcb"] == [name * 10 for name in "aabcb"]
    assert made == ["a", "b", "c"]  # three of 10 bytes: one too many
    get("a")
    assert made == ["a", "b", "c", "a"]  # the oldest had to go


def test_a_picture_that_cannot_be_encoded_is_tried_again():
    memo = images._Memo()
    with pytest.raises(OSError, match="gone"):
        memo.get(("x", 1), lambda: (_ for _ in ()).throw(OSError("gone")))
    assert memo.get(("x", 1), lambda: "back") == "back"


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 5000))
def test_a_shrunk_image_has_at_most_so_many_pixels(width, height, most):
    image = Image.new("1", (width, height))
    small = shrunk(image, most)
    assert 1 <= small.width * small.height <= max(most, 1)
    assert (small is image) == (width * height <= most)


def test_a_shrunk_image_keeps_its_shape():
    # 1600 x 900 in 360 000 pixels: a factor of sqrt(360000 / 1440000) = 1/2
    assert shrunk(Image.new("1", (1600, 900)), 360_000).size == (800, 450)


def test_a_sample_without_an_image_has_no_picture():
    with pytest.raises(ValueError, match="'x' has no image"):
        Picture(Sample("x", ""))
