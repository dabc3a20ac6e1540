"""Every kind of bad row is found, counted as the user counts, and left out or refused."""

import os

import pytest
from PIL import Image

from balcap.data import BadDataError, Problem
from balcap.data.checks import by_reason
from balcap.errors import UserError

GOOD = {"image": "good.png", "caption": "A cat."}
QA = {"question": "?", "choices": ["x", "y"], "answer": "x"}


@pytest.fixture
def images(folder):
    """An image root with good and bad files, and an image outside of it."""
    root = folder.path / "root"
    for name in ("root/good.png", "root/other.png", "root-two/a.png", "outside.png"):
        folder.image(name)
    noise = Image.frombytes("L", (64, 64), os.urandom(64 * 64))
    noise.save(root / "cut.png")
    noise.save(root / "cut.jpg")
    for name in ("cut.png", "cut.jpg"):
        (root / name).write_bytes((root / name).read_bytes()[:1500])
    (root / "text.png").write_text("not an image")
    (root / "empty.png").touch()
    (root / "folder.png").mkdir()
    (root / "link.png").symlink_to(folder.path / "outside.png")
    (root / "inner.png").symlink_to(root / "other.png")
    (root / "loop.png").symlink_to(root / "loop.png")
    return root


BAD = {
    "missing image": ({"image": "none.png"}, "no image 'none.png' in"),
    "folder": ({"image": "folder.png"}, "no image 'folder.png' in"),
    "cut png": ({"image": "cut.png"}, "image cut.png cannot be read"),
    "cut jpg": ({"image": "cut.jpg"}, "image cut.jpg cannot be read"),
    "text": ({"image": "text.png"}, "image text.png cannot be read"),
    "empty file": ({"image": "empty.png"}, "image empty.png cannot be read"),
    "parent": ({"image": "../outside.png"}, "outside the image root"),
    "absolute": ({"image": "/etc/hostname"}, "outside the image root"),
    "beside": ({"image": "../root-two/a.png"}, "outside the image root"),
    "root itself": ({"image": "."}, "no image '.' in"),
    "loop": ({"image": "loop.png"}, "no image 'loop.png' in"),
    "too long": ({"image": "x" * 5000 + ".png"}, "no image 'xxx"),
    "nul": ({"image": "a\0.png"}, "is not the name of a file"),
    "address": ({"image": "https://example.org/a.png"}, "downloads no images"),
    "data": ({"image": "data:text/plain,x"}, "downloads no images"),
    "base64 of no image": ({"image": "data:image/png;base64,AAAA"}, "of no format that Pillow"),
    "no image": ({"image": None}, "names no image"),
    "two images": ({"image": ["good.png", "other.png"]}, "has 2 images"),
    "odd image": ({"image": {"path": ["good.png"]}}, "image is a list"),
    "no caption": ({"caption": None}, "has no caption; looked for caption"),
    "empty caption": ({"caption": " \n"}, "caption is empty"),
    "odd caption": ({"caption": 7}, "caption is a number"),
    "odd prompt": ({"prompt": 7}, "prompt is a number"),
    "odd id": ({"id": ["x"]}, "id is a list"),
    "duplicate": ({"id": "first", **GOOD}, "id 'first' stands in row 1 already"),
    "odd facts": ({"facts": "a cat"}, "facts is a text"),
    "empty fact": ({"facts": ["a cat", ""]}, "fact 2 is empty"),
    "wrong answer": ({"questions": [QA, QA | {"answer": "z"}]}, "question 2: answer 'z' is not"),
    "duplicate choices": ({"questions": [QA | {"choices": ["x", "x"]}]}, "appears twice"),
    "one choice": ({"questions": [QA | {"choices": ["x"]}]}, "has 1 choices"),
}


def bad_row(name):
    return {"image": "other.png", "caption": "A dog."} | BAD[name][0]


@pytest.mark.parametrize("name", BAD)
def test_each_kind_of_bad_row_is_left_out_and_listed(folder, images, name):
    file = folder.lines([{"id": "first", **GOOD}, "", bad_row(name)])  # line 2 is blank
    loaded = folder.load("records", file, image_root=images)
    assert [sample.id for sample in loaded.train] == ["first"]
    (problem,) = loaded.problems
    assert (problem.file, problem.row) == (file, 3)
    assert BAD[name][1] in problem.reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1, 2]", "is a list; expected an object"),
        ("null", "is null; expected an object"),
        ('{"image": "good.png", "cap', "is not JSON"),
    ],
)
def test_a_line_that_is_no_object(folder, images, line, reason):
    loaded = folder.load("records", folder.lines([GOOD, line]), image_root=images)
    assert [(problem.row, reason in problem.reason) for problem in loaded.problems] == [(2, True)]


CHATS = {
    "no turns": ({}, "has no list of turns"),
    "turns are no list": ({"conversations": "hello"}, "has no list of turns"),
    "no answer": ({"conversations": [{"from": "human", "value": "?"}]}, "has no caption"),
    "empty answer": ({"conversations": [{"from": "gpt", "value": " "}]}, "caption is empty"),
}


@pytest.mark.parametrize("name", CHATS)
def test_bad_conversations(folder, images, name):
    good = {"image": "good.png", "conversations": [{"from": "gpt", "value": "A cat."}]}
    file = folder.json([good, {"image": "other.png", **CHATS[name][0]}])
    (problem,) = folder.load("conversations", file, image_root=images).problems
    assert problem.row == 2
    assert CHATS[name][1] in problem.reason


def test_caption_qa_needs_questions(folder, images):
    file = folder.json([{"image": "good.png", "questions": [QA]}, {**GOOD, "questions": []}])
    (problem,) = folder.load("caption-qa", file, image_root=images).problems
    assert "has no questions" in problem.reason


def test_deleting_the_listed_rows_changes_nothing_that_is_loaded(folder, images):
    rows = [
        {"id": "first", **GOOD},
        *(bad_row(name) for name in BAD),
        bad_row("parent"),
        GOOD,
        GOOD,
    ]
    all_rows = folder.load("records", folder.lines(rows), image_root=images)
    bad = {problem.row for problem in all_rows.problems}
    good_rows = [row for number, row in enumerate(rows, 1) if number not in bad]
    good = folder.load("records", folder.lines(good_rows), image_root=images)
    assert good.train == all_rows.train
    assert not good.problems
    assert len(bad) == len(BAD) + 2  # "parent" once more, and the second of two equal rows


def test_a_bomb_is_refused(folder, images, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)  # the images have 12 pixels: above twice 5
    with pytest.raises(BadDataError, match=r"image good\.png is too large"):
        folder.load("records", folder.lines([GOOD]), image_root=images)


@pytest.mark.parametrize(
    ("check", "bad"), [("full", 2), ("header", 1), ("exists", 0)]
)  # the header of cut.png is whole; text.png has none
def test_how_much_of_an_image_is_checked(folder, images, check, bad):
    rows = [GOOD, {**GOOD, "image": "cut.png"}, {**GOOD, "image": "text.png"}]
    loaded = folder.load("records", folder.lines(rows), image_root=images, check_images=check)
    assert len(loaded.problems) == bad


def test_names_inside_the_root_may_be_absolute_or_links(folder, images):
    names = [str(images / "good.png"), "inner.png", "link.png"]
    rows = [{**GOOD, "image": name} for name in names]
    train = folder.load("records", folder.lines(rows), image_root=images).train
    assert [sample.image.name for sample in train] == ["good.png", "inner.png", "link.png"]


def test_the_image_root_is_the_folder_of_the_file_and_must_exist(folder, images):
    assert len(folder.load("records", folder.lines([GOOD], "root/data.jsonl")).train) == 1
    (images / "linked.jsonl").symlink_to(folder.lines([GOOD]))  # where it is named, not kept
    assert len(folder.load("records", images / "linked.jsonl").train) == 1
    with pytest.raises(UserError, match=r"image_root is '.*nowhere'"):
        folder.load("records", folder.lines([GOOD]), image_root=images / "nowhere")


def test_scoring_needs_no_images_but_checks_those_that_are_there(folder, images):
    names = ["good.png", "none.png", None, "https://example.org/a.png", "cut.png", "../outside.png"]
    rows = [{"id": index, "image": name, "caption": "x"} for index, name in enumerate(names)]
    file = folder.lines(rows)
    loaded = folder.load("records", file, image_root=images, need_images=False)
    assert [sample.image is None for sample in loaded.train] == [False, True, True, True]
    assert [problem.row for problem in loaded.problems] == [5, 6]


class TestMaxBad:
    def test_the_share_itself_is_allowed(self, folder, images):
        file = folder.lines([GOOD, {**GOOD, "id": 2}, {**GOOD, "id": 3}, {"caption": "x"}])
        assert len(folder.load("records", file, image_root=images, max_bad=0.25).train) == 3
        with pytest.raises(BadDataError) as error:
            folder.load("records", file, image_root=images, max_bad=0.24)
        assert [problem.row for problem in error.value.problems] == [4]
        assert "1 of 4 rows are unusable (25.0%; max_bad allows 24.0%)" in str(error.value)
        assert "row 4: names no image" in str(error.value)
        assert "max_bad 0.25" in str(error.value)

    def test_a_file_without_a_usable_row_is_always_refused(self, folder, images):
        file = folder.lines([{"caption": "x"}] * 30)
        with pytest.raises(BadDataError) as error:
            folder.load("records", file, image_root=images, max_bad=1.0)
        assert "  rows 1, 2, 3 and 27 more: names no image\n" in str(error.value)
        assert "  the columns are caption\n" in str(error.value)
        assert len(error.value.problems) == 30


def test_reasons_that_differ_in_a_name_are_one_line():
    problems = [Problem("d", row, f"no image '{row}.png' in /x") for row in (2, 4, 5, 9)]
    problems.append(Problem("d", 7, "caption is empty"))
    assert by_reason(problems) == [
        "rows 2, 4, 5 and 1 more: no image '2.png' in /x (and the like)",
        "row 7: caption is empty",
    ]
