"""Flat rows: column names, maps, COCO, and the ids of rows that have none."""

import pytest

from balcap.config import Columns
from balcap.errors import UserError


@pytest.mark.parametrize(
    "image",
    ["image", "image_path", "file_name", "filename", "arcname", "image_id", "image_url", "images"],
)
@pytest.mark.parametrize("caption", ["caption", "description", "text"])
def test_usual_names(folder, image, caption):
    folder.image("a.png")
    row = {image: "a.png", caption: "A cat.", "width": 4}
    (sample,) = folder.load("records", folder.lines([row])).train
    assert (sample.id, sample.reference) == ("a.png", "A cat.")
    assert sample.metadata == {"width": 4}


def test_named_columns_come_before_the_usual_ones(folder):
    folder.image("a.png", "b.png")
    row = {
        "image": "b.png", "caption": "no", "id": "no", "prompt": "no",
        "img": "a.png", "gt": "A cat.", "key": 5, "ask": "Say.",
        "true": ["one cat"], "mcq": [{"question": "?", "choices": ["x", "y"], "answer": 1}],
    }  # fmt: skip
    columns = Columns(
        image="img", caption="gt", id="key", prompt="ask", facts="true", questions="mcq"
    )
    (sample,) = folder.load("records", folder.lines([row]), columns=columns).train
    assert sample.image.name == "a.png"
    assert (sample.id, sample.prompt, sample.reference) == ("5", "Say.", "A cat.")
    assert sample.facts == ("one cat",)
    assert sample.questions[0].answer == 1
    assert sample.metadata == {"image": "b.png", "caption": "no", "id": "no", "prompt": "no"}


def test_a_named_column_that_no_row_has_is_an_error_with_the_nearest_name(folder):
    folder.image("a.png")
    file = folder.lines([{"image": "a.png", "captions_long": "A cat."}])
    with pytest.raises(UserError, match=r"columns.caption is 'caption_long'.*did you mean 'capt"):
        folder.load("records", file, columns=Columns(caption="caption_long"))


def test_map_of_captions_by_image(folder):
    folder.image("a.png", "b.jpg", "c.png")
    file = folder.json({"a.png": "A cat.", "b": "A dog.", "c.png": {"image": "c.png", "text": "x"}})
    train = folder.load("records", file).train
    assert [(s.id, s.image.name, s.reference) for s in train] == [
        ("a.png", "a.png", "A cat."),
        ("b", "b.jpg", "A dog."),  # a name without a suffix finds the usual ones
        ("c.png", "c.png", "x"),
    ]


def test_a_key_that_stands_twice_in_a_map_is_not_lost_in_silence(folder):
    folder.image("a.png", "b.png")
    file = folder.text('{"a.png": "A cat.", "b.png": "A dog.", "a.png": "A cow."}', "map.json")
    loaded = folder.load("records", file)
    assert [sample.reference for sample in loaded.train] == ["A cat.", "A dog.", "A cow."]
    assert len({sample.id for sample in loaded.train}) == 3


def test_coco_joins_captions_to_images(folder):
    folder.image("a.png", "b.png")
    file = folder.json(
        {
            "images": [
                {"id": 1, "file_name": "a.png", "width": 4},
                {"id": 2, "file_name": "b.png"},
            ],
            "annotations": [
                {"id": 10, "image_id": 1, "caption": "A cat."},
                {"id": 11, "image_id": 1, "caption": "A grey cat."},
                {"id": 12, "image_id": 9, "caption": "Lost."},
            ],
        }
    )
    loaded = folder.load("records", file)
    (sample,) = loaded.train
    assert (sample.id, sample.reference) == ("1", "A cat.")
    assert sample.metadata == {"width": 4, "captions": ["A cat.", "A grey cat."]}
    assert [(p.row, p.reason[:32]) for p in loaded.problems] == [
        (2, "has no caption; looked for capti"),
        (3, "annotation 3 is of image 9, not "),
    ]


def test_rows_without_an_id_are_named_by_their_image_whatever_the_order(folder):
    folder.image("a.png", "b.png")
    rows = [
        {"image": "a.png", "caption": "A cat."},
        {"image": "a.png", "caption": "A grey cat."},
        {"image": "b.png", "caption": "A dog."},
    ]
    named = {
        sample.reference: sample.id for sample in folder.load("records", folder.lines(rows)).train
    }
    turned = folder.load("records", folder.lines(rows[::-1])).train
    assert {sample.reference: sample.id for sample in turned} == named
    assert named["A dog."] == "b.png"
    assert len(set(named.values())) == 3


def test_facts_or_questions_alone_need_no_caption(folder):
    folder.image("a.png")
    (sample,) = folder.load("records", folder.lines([{"image": "a.png", "facts": ["a cat"]}])).train
    assert sample.reference is None
