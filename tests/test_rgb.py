"""What policy, judge and report see of images of every kind."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balcap.errors import UserError
from balcap.judges.images import Picture
from balcap.rgb import is_plain, to_rgb
from balcap.types import Sample

SIDEWAYS = 6  # EXIF: the camera was held so that it must be turned by 90 degrees to the right


def reopened(image: Image.Image, kind: str, **how: object) -> Image.Image:
    file = io.BytesIO()
    image.save(file, format=kind, **how)
    return Image.open(file)


def test_a_photograph_is_turned_as_its_exif_says() -> None:
    # red left of blue: turned to the right, the left side is on top
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (20, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = SIDEWAYS
    seen = to_rgb(reopened(image, "PNG", exif=exif))
    assert seen.size == (20, 40)
    assert (seen.getpixel((10, 5)), seen.getpixel((10, 35))) == ((255, 0, 0), (0, 0, 255))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_white(mode: str) -> None:
    clear = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    clear.putpixel((1, 0), (0, 0, 0, 255))
    seen = to_rgb(clear.convert(mode))
    assert [seen.getpixel((x, 0)) for x in (0, 1)] == [(255,) * 3, (0,) * 3]


def test_half_transparent_black_is_grey() -> None:
    # 0 * 128/255 + 255 * 127/255 = 127
    assert to_rgb(Image.new("RGBA", (1, 1), (0, 0, 0, 128))).getpixel((0, 0)) == (127,) * 3


def test_a_transparent_colour_of_a_palette_is_white() -> None:
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([10, 20, 30])
    seen = to_rgb(reopened(palette, "PNG", transparency=0))
    assert seen.getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bits_become_eight() -> None:
    # 65535 / 257 = 255; 257 * 100 / 257 = 100; 128 is nearer to 0 than to 257, 129 is not
    values = np.array([[0, 128, 129, 25700, 65535]], dtype=np.uint16)
    seen = np.asarray(to_rgb(reopened(Image.fromarray(values), "PNG")))
    assert seen[0, :, 0].tolist() == [0, 0, 1, 100, 255]
    assert (seen[..., 0] == seen[..., 1]).all()


def test_eight_bits_in_a_deep_mode_are_left() -> None:
    assert to_rgb(Image.new("I", (1, 1), 200)).getpixel((0, 0)) == (200,) * 3


def test_the_first_frame_of_an_animation_is_seen() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    film = reopened(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert not is_plain(film)
    assert to_rgb(film).getpixel((0, 0)) == (255, 0, 0)


def test_cmyk_and_grey_are_converted() -> None:
    assert to_rgb(Image.new("CMYK", (1, 1), (0, 255, 255, 0))).getpixel((0, 0)) == (255, 0, 0)
    assert to_rgb(Image.new("L", (1, 1), 77)).getpixel((0, 0)) == (77,) * 3


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "1"])
def test_an_image_that_is_only_converted_is_plain(mode: str) -> None:
    assert is_plain(Image.new(mode, (2, 2)))


def test_a_judge_is_asked_anew_about_an_image_that_was_once_shown_otherwise(tmp_path: Path) -> None:
    """Its name in the cache is another; that of an image which never was is the file's SHA-256."""
    import hashlib

    for name, mode in (("plain.png", "RGB"), ("clear.png", "RGBA")):
        file = tmp_path / name
        Image.new(mode, (4, 4)).save(file)
        as_ever = (
            Picture(Sample("x", "", file)).digest == hashlib.sha256(file.read_bytes()).hexdigest()
        )
        assert as_ever == (mode == "RGB")


@pytest.mark.parametrize("content", [None, b"no image"])
def test_an_image_that_is_gone_or_broken_is_one_message(
    tmp_path: Path, content: bytes | None
) -> None:
    """Wherever it is opened: by a policy, a judge, CLIP or a report."""
    file = tmp_path / "a.png"
    if content:
        file.write_bytes(content)
    sample = Sample("x", "", file)
    for read in (sample.open_image, lambda: Picture(sample).data_url(800)):
        with pytest.raises(UserError, match="the image of sample 'x' cannot be read"):
            read()
