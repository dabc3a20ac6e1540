"""A picture is named by its content, and never larger than allowed."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

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


def test_a_picture_is_encoded_once_a_size():
    scene = Drawn("red")
    for _ in range(3):
        picture = Picture(Sample("x", "", scene))
        whole, small = picture.png(10_000), picture.png(200)
        assert Image.open(io.BytesIO(whole)).size == (40, 20)
        assert Image.open(io.BytesIO(small)).size == (20, 10)
    assert scene.drawn == 3 + 2  # the digest of each of the three, and an image a size


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
