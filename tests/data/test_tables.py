"""Parquet files and saved data sets, with images by name or inside."""

import io

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from balcap.data.images import header_size
from balcap.data.tables import StoredImage
from balcap.errors import UserError


def png(red):
    out = io.BytesIO()
    Image.new("RGB", (4, 3), (red, 0, 0)).save(out, "PNG")
    return out.getvalue()


def parquet(folder, columns):
    pq.write_table(pa.table(columns), folder.path / "data.parquet")
    return str(folder.path / "data.parquet")


def test_parquet_with_names(folder):
    folder.image("a.png", "b.png")
    file = parquet(folder, {"image": ["a.png", "b.png"], "caption": ["A cat.", None]})
    loaded = folder.load("records", file)
    assert [sample.reference for sample in loaded.train] == ["A cat."]
    assert [problem.row for problem in loaded.problems] == [2]


@pytest.mark.parametrize(
    "cells",
    [
        [{"bytes": png(9), "path": "x.png"}, {"bytes": png(8), "path": None}],
        [[{"bytes": png(9), "path": None}], [{"bytes": png(8), "path": None}]],
        [png(9), png(8)],
    ],
)
def test_images_inside_parquet(folder, cells):
    file = parquet(folder, {"id": ["x", "y"], "image": cells, "caption": ["A cat.", "A dog."]})
    train = folder.load("records", file).train
    assert [sample.open_image().getpixel((0, 0)) for sample in train] == [(9, 0, 0), (8, 0, 0)]


def test_a_broken_image_inside_parquet_is_a_bad_row(folder):
    cells = [{"bytes": png(9)}, {"bytes": png(8)[:40]}]
    file = parquet(folder, {"image": cells, "caption": ["A cat.", "A dog."]})
    (problem,) = folder.load("records", file).problems
    assert problem.row == 2
    assert "in column 'image' cannot be read" in problem.reason


def saved(folder, count=3):
    rows = {"id": list(range(count)), "caption": [f"Cat {i}." for i in range(count)]}
    images = [{"bytes": png(i), "path": None} for i in range(count)]
    made = datasets.Dataset.from_dict({**rows, "image": images})
    return made.cast_column("image", datasets.Image())


def test_a_saved_data_set_keeps_its_images_until_they_are_needed(folder):
    saved(folder, 130).shuffle(seed=1).save_to_disk(folder.path / "set")
    train = folder.load("records", folder.path / "set").train
    assert folder.load("records", f"hf:{folder.path / 'set'}").train[0].id == train[0].id
    assert len(train) == 130  # more than are read at once
    assert all(isinstance(sample.image, StoredImage) for sample in train)
    assert all(sample.open_image().getpixel((0, 0))[0] == int(sample.id) for sample in train)


def test_splits(folder):
    path = folder.path / "sets"
    datasets.DatasetDict({"test": saved(folder), "dev": saved(folder, 2)}).save_to_disk(path)
    assert len(folder.load("records", f"{path}#dev").train) == 2
    with pytest.raises(UserError, match=r"no split 'train'; have test, dev.*#SPLIT"):
        folder.load("records", path)
    with pytest.raises(UserError, match=r"no split 'tset'.*did you mean 'test'"):
        folder.load("records", f"{path}#tset")


def test_names_of_images_are_relative_to_the_saved_folder(folder):
    rows = {"image": ["a.png"], "caption": ["A cat."]}
    datasets.Dataset.from_dict(rows).save_to_disk(folder.path / "set")
    folder.image("set/a.png")
    assert folder.load("records", folder.path / "set").train[0].image.name == "a.png"


def test_a_data_set_that_cannot_be_loaded(folder, monkeypatch):
    def load_dataset(name):
        raise datasets.exceptions.DatasetNotFoundError(f"no {name}")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(UserError, match=r"cannot load data set 'hf:a/b'.*save_to_disk"):
        folder.load("records", "hf:a/b")


def test_questions_stored_as_objects_of_lists(folder):
    asked = {"question": ["Colour?"], "choices": [["red", "blue"]], "answer": ["blue"]}
    file = parquet(folder, {"id": ["x"], "image": [png(1)], "questions": [asked]})
    (sample,) = folder.load("caption-qa", file).train
    assert sample.questions[0].answer == 1


def test_the_size_of_an_image_in_a_table_is_read_from_its_header(folder):
    row = {"id": "a", "image": {"bytes": png(1), "path": None}, "caption": "one"}
    pq.write_table(pa.Table.from_pylist([row]), folder.path / "data.parquet")
    (sample,) = folder.load("records", folder.path / "data.parquet").train
    assert header_size(sample) == (4, 3)
