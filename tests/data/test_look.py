"""`balcap data`: the kind of a file, its columns, what is wrong with it, and what a sample is."""

import json

import pytest
from PIL import Image

from balcap.cli import main
from balcap.config import Columns
from balcap.data.detect import detect
from balcap.errors import UserError

TURNS = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A cat."}]
ROWS = {
    "conversations": {"image": "0.png", "conversations": TURNS},
    "caption-qa": {"image": "0.png", "question": "?", "choices": ["x", "y"], "answer": "x"},
    "records": {"image": "0.png", "caption": "A cat."},
}
LONG = "A red square stands on a wide gray ground."


@pytest.mark.parametrize("kind", ROWS)
def test_the_kind_is_known_by_the_rows(folder, kind):
    assert detect(folder.json([ROWS[kind]]), Columns()).kind == kind


def test_columns_of_other_names_are_found_by_what_stands_in_them(folder):
    rows = [{"number": n, "photo": f"{n}.PNG", "title": "red", "long": LONG} for n in range(3)]
    found = detect(folder.json(rows), Columns())
    assert (found.kind, found.columns) == ("records", Columns(image="photo", caption="long"))
    named = detect(folder.json(rows), Columns(caption="title"))
    assert named.columns.caption == "title"


def test_a_file_that_is_of_no_kind_is_told_with_its_columns(folder):
    with pytest.raises(UserError, match=r"none of caption-qa, .*its columns are a, b\. Name them"):
        detect(folder.json([{"a": 1, "b": "x"}]), Columns())


def test_what_is_read_can_be_typed_and_is_shown(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.path)
    folder.image("0.png", "1.png")
    rows = [{"photo": f"{number}.png", "long": LONG} for number in range(4)]
    folder.json(rows, "d.json")
    assert main(["data", "d.json", "--show", "1"]) == 0
    shown = capsys.readouterr().out
    assert "use      --data records:d.json --columns.image photo --columns.caption long\n" in shown
    assert "usable   2 samples of 2 images, 2 references of 9 words\n" in shown
    assert "bad      rows 3, 4: no image '2.png' in" in shown
    wrapped = " ".join(shown.split())
    assert "0.png, 4 x 3 prompt" in wrapped
    assert "<|vision_start|><|image_pad|><|vision_end|>Describe this image in" in wrapped
    assert LONG in wrapped
    assert "sample 2" not in shown


def test_rows_without_their_images_are_grouped_and_the_exit_code_says_so(
    folder, capsys, monkeypatch
):
    monkeypatch.chdir(folder.path)
    folder.json([{"caption": LONG} for _ in range(5)], "d.json")
    assert main(["data", "d.json"]) == 1
    shown = capsys.readouterr().out
    assert "bad      rows 1, 2, 3 and 2 more: names no image\n" in shown
    assert "--image-root FOLDER" in shown


def test_an_image_that_cannot_be_decoded_is_shown_as_that(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.path)
    Image.effect_noise((64, 64), 80).save(folder.path / "0.png")
    whole = (folder.path / "0.png").read_bytes()
    (folder.path / "0.png").write_bytes(whole[:1500])  # the header is whole
    (folder.path / "d.json").write_text(json.dumps([{"image": "0.png", "caption": LONG}]))
    assert main(["data", "d.json"]) == 0
    assert "0.png: cannot be used (" in " ".join(capsys.readouterr().out.split())


def test_the_page_has_the_pictures_and_shows_markup_as_text(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.path)
    folder.image("0.png")
    folder.json([{"image": "0.png", "caption": "A <b>red</b> square."}], "d.json")
    assert main(["data", "d.json", "--page", "page.html"]) == 0
    assert "page     page.html" in capsys.readouterr().out
    page = (folder.path / "page.html").read_text()
    assert page.count('<img src="data:image/png;base64,') == 1
    assert "A &lt;b&gt;red&lt;/b&gt; square." in page
    assert "1 samples of 1 images" in page


def test_a_page_that_cannot_be_written_is_told(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.path)
    folder.image("0.png")
    folder.json([{"image": "0.png", "caption": LONG}], "d.json")
    assert main(["data", "d.json", "--page", "none/page.html"]) == 1
    assert "cannot write none/page.html: No such file" in capsys.readouterr().err
