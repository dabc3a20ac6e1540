"""Files: how rows are counted, and what is said of a file that cannot be read."""

import pytest

from balcap.data.rows import read_rows
from balcap.errors import UserError


def numbers(file):
    return [row.number for row in read_rows(file)]


def test_lines_are_counted_with_the_blank_ones(folder):
    assert numbers(folder.text('\n{"a": 1}\n\n  \n{"a": 2}', "data.jsonl")) == [2, 5]


def test_only_line_feeds_end_a_line(folder):
    # U+2028 is a line separator to Python's splitlines, and may stand inside JSON text.
    file = folder.text('{"a": "x\u2028y\x85"}\r\n{"a": 2}\r\n', "data.jsonl")
    assert [(row.number, row.content) for row in read_rows(file)] == [
        (1, {"a": "x\u2028y\x85"}),
        (2, {"a": 2}),
    ]


def test_a_byte_order_mark_is_no_content(folder):
    assert numbers(folder.text(b'\xef\xbb\xbf{"a": 1}\n', "data.jsonl")) == [1]
    assert numbers(folder.text(b"\xef\xbb\xbf[{}, {}]", "data.json")) == [1, 2]


def test_a_line_that_is_not_utf8_is_one_bad_row(folder):
    file = folder.text(b'{"a": 1}\n{"a": "\xff"}\n', "data.jsonl")
    assert ["is not JSON" in row.error for row in read_rows(file)] == [False, True]


def test_lists_and_maps_are_counted_from_one(folder):
    assert numbers(folder.json([{}, {}])) == [1, 2]
    assert numbers(folder.json({"a.png": "x", "b.png": "y"})) == [1, 2]


def test_one_object_with_usual_columns_is_one_row(folder):
    row = {"image": "a.png", "caption": "A cat."}
    assert [each.content for each in read_rows(folder.json(row))] == [row]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("empty.json", "", "empty.json is empty; expected a JSON list"),
        ("cut.json", '[{"a": 1},\n {"b"', "cut.json, line 2, column 6: not JSON"),
        ("words.json", "hello", "words.json, line 1, column 1: not JSON"),
        ("words.jsonl", "\nhello\n", "words.jsonl, line 2: is not JSON.*expected one object per"),
        ("after.json", "[{}] x", "after.json, line 1, column 6: not JSON"),
        ("single.json", "7", "holds a single value, 7"),
        ("latin.json", b'["\xff"]', "latin.json is not JSON"),
        ("table.xlsx", "image,caption", "ends in .xlsx; have .json"),
        ("table.parquet", "image,caption", "not a Parquet file"),
    ],
)
def test_a_broken_file_is_named_with_what_was_expected(folder, name, text, message):
    with pytest.raises(UserError, match=message):
        list(read_rows(folder.text(text, name)))


def test_a_missing_file_and_a_plain_folder(folder):
    with pytest.raises(UserError, match=r"no file .*none.json; name a .json"):
        read_rows(str(folder.path / "none.json"))
    with pytest.raises(UserError, match=r"is a folder.*save_to_disk"):
        read_rows(str(folder.path))


@pytest.mark.parametrize(("name", "text"), [("a.json", "[]"), ("a.json", "{}"), ("a.jsonl", "\n")])
def test_a_file_without_rows(folder, name, text):
    with pytest.raises(UserError, match="has no rows"):
        folder.load("records", folder.text(text, name))


def test_lines_are_read_one_at_a_time_and_broken_ones_keep_their_place(tmp_path):
    file = tmp_path / "data.jsonl"
    file.write_text('{"a\n\n{"image": "a"}\nnot JSON\n{"image": "b"}\n')
    rows = read_rows(str(file))
    first = next(rows)
    assert (first.number, first.error.startswith("is not JSON")) == (1, True)
    assert [(row.number, bool(row.error)) for row in rows] == [(3, False), (4, True), (5, False)]
