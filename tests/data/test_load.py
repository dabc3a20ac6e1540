"""What `--data` may be, what is held out, and what a head is told that the data cannot serve."""

import random

import pytest

from balcap.config import Columns, DataSettings, ShapesSettings
from balcap.data import check_requirements, load, spec
from balcap.errors import UserError
from balcap.types import Question, Sample


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("shapes", ("shapes", "")),
        ("records:a.json", ("records", "a.json")),
        ("records:hf:org/name", ("records", "hf:org/name")),
        ("caption-qa:dir/a:b.jsonl", ("caption-qa", "dir/a:b.jsonl")),
    ],
)
def test_spec(text, parts):
    assert spec(text) == parts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conversation:a.json", r"no kind of data 'conversation'.*did you mean 'conversations'"),
        ("shape", r"did you mean 'shapes'"),
        ("records", "expected records:PATH"),
        ("records:", "expected records:PATH"),
        ("shapes:x", "shapes takes no path"),
        ("data/a.json", "such as records:data/a.json"),
        ("hf:org/name", "use records:hf:org/name"),
        ("", "expected shapes, or KIND:PATH"),
    ],
)
def test_a_wrong_spec_is_told_the_allowed_forms(text, message):
    with pytest.raises(UserError, match=message):
        spec(text)


def test_a_wrong_eval_data_is_told_before_the_data_is_read():
    with pytest.raises(UserError, match="no kind of data 'record'"):
        load(DataSettings(data="records:none.json", eval_data="record:none.json"))


def rows(count, images=None):
    return [
        {"id": f"s{i}", "image": f"{i % (images or count)}.png", "caption": f"Cat {i}."}
        for i in range(count)
    ]


def held(folder, data, eval_samples, **settings):
    folder.image(*{row["image"] for row in data})
    loaded = folder.load("records", folder.lines(data), eval_samples=eval_samples, **settings)
    names = {sample.id for sample in loaded.held_out}
    assert names.isdisjoint(sample.id for sample in loaded.train)
    assert len(loaded.train) + len(names) == len(data)
    return names


@pytest.mark.parametrize(
    ("count", "wanted", "expected"),
    [
        (20, 0, 0),
        (20, 3, 3),
        (20, 300, 4),  # never more than a fifth
        (4, 300, 1),  # but at least one of two or more
        (2, 1, 1),
        (1, 1, 0),
    ],
)
def test_number_of_held_out_samples(folder, count, wanted, expected):
    assert len(held(folder, rows(count), wanted)) == expected


def test_the_split_does_not_depend_on_the_order_or_the_place_but_on_the_seed(folder, tmp_path):
    data = rows(40)
    first = held(folder, data, 5)
    random.Random(0).shuffle(data)
    assert held(folder, data, 5) == first
    (tmp_path / "elsewhere").mkdir()
    assert held(type(folder)(tmp_path / "elsewhere"), data, 5) == first
    assert held(folder, data, 5, seed=1) != first


def test_more_samples_hold_out_more_of_the_same(folder):
    assert held(folder, rows(40), 3) < held(folder, rows(40), 6)


def test_an_image_is_never_on_both_sides(folder):
    folder.image(*(f"{i}.png" for i in range(10)))
    loaded = folder.load("records", folder.lines(rows(30, images=10)), eval_samples=4)
    held_out = {sample.image for sample in loaded.held_out}
    assert held_out.isdisjoint(sample.image for sample in loaded.train)
    assert len(loaded.held_out) == 3  # one image of three samples: a second would make six


def test_images_with_more_samples_than_are_wanted(folder):
    assert len(held(folder, rows(6, images=2), 1)) == 3
    assert len(held(folder, rows(6, images=1), 1)) == 0


def test_held_out_data_of_its_own(folder):
    folder.image(*(f"{i}.png" for i in range(10)))
    other = folder.lines([*rows(10), {"id": "bad"}], "eval.jsonl")
    loaded = folder.load(
        "records", folder.lines(rows(5)), eval_data=f"records:{other}", eval_samples=4
    )
    assert (len(loaded.train), len(loaded.held_out)) == (5, 4)
    assert [(problem.file, problem.row) for problem in loaded.problems] == [(other, 11)]


def test_the_built_in_world_on_either_side(folder):
    folder.image(*(f"{i}.png" for i in range(5)))
    file = f"records:{folder.lines(rows(5))}"
    world = ShapesSettings(train=3)
    drawn = load(DataSettings(eval_samples=2, shapes=world))
    assert (len(drawn.train), len(drawn.held_out), drawn.source) == (3, 2, "shapes")
    mixed = load(DataSettings(data=file, eval_data="shapes", eval_samples=2, shapes=world))
    assert (len(mixed.train), mixed.held_out) == (5, drawn.held_out)
    mixed = load(DataSettings(eval_data=file, eval_samples=2, shapes=world))
    assert (mixed.train, len(mixed.held_out)) == (drawn.train, 2)


def test_columns_that_conversations_cannot_have(folder):
    with pytest.raises(UserError, match="do not apply to conversations"):
        folder.load("conversations", folder.lines(rows(2)), columns=Columns(caption="caption"))


ASKED = Question(text="?", choices=("x", "y"), answer=0)
SAMPLES = [
    Sample(id="1", prompt="", facts=("f",)),
    Sample(id="2", prompt="", questions=(ASKED,), metadata={"depth": 3, "empty": None}),
]


def test_heads_that_some_sample_can_serve_pass():
    needs = {"qa": {"questions"}, "cov": {"facts"}, "deep": {"depth"}, "fluency": set()}
    check_requirements(SAMPLES, needs)
    check_requirements([], {"fluency": frozenset()})


def test_every_head_that_no_sample_can_serve_is_named_at_once():
    needs = {
        "cov": {"reference"}, "both": {"facts", "questions"}, "deep": {"empty"},
        "see": {"image"}, "qa": {"questions"},
    }  # fmt: skip
    with pytest.raises(UserError) as error:
        check_requirements(SAMPLES, needs)
    lines = str(error.value).splitlines()
    assert [line.split()[1] for line in lines] == ["'cov'", "'both'", "'deep'", "'see'"]
    assert "needs reference; 0 of 2 samples have any" in lines[0]
    assert (
        "needs facts and questions; 0 of 2 samples have all of it (facts 1, questions 1)"
        in lines[1]
    )
    assert "add a column 'empty'" in lines[2]
    assert all("leave" in line and "--rewards" in line for line in lines)
