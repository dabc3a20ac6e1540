"""Files as people have them: each layout of the field, small, with the right value."""

import gzip
import json

import pytest

from balcap.config import Columns, DataSettings
from balcap.data import load
from balcap.errors import UserError
from balcap.evaluation.harness.caption_file import from_file

TURNS = [
    {"from": "human", "value": "<image>\nDescribe it."},
    {"from": "gpt", "value": "A cat.<|im_end|>"},
]
PARTS = [
    {"role": "user", "content": [{"type": "image"}, {"type": "text", "value": "Describe it."}]},
    {"role": "assistant", "content": [{"type": "text", "value": "A cat."}]},
]
CAT = {"image": "a.png", "caption": "A cat."}
KARPATHY = {
    "dataset": "coco",
    "images": [{"filename": "a.png", "sentences": [{"raw": "A cat."}, {"raw": "x"}]}],
}

LAYOUTS = {  # file, what it holds, kind
    "a table of commas": ("d.csv", "image,caption\na.png,A cat.\n", "records"),
    "a table of tabs": ("d.tsv", "image\tcaption\na.png\tA cat.\n", "records"),
    "quotes in a table": ("d.csv", 'image,caption\na.png,"A cat."\n', "records"),
    "an upper-case suffix": ("d.JSON", json.dumps([CAT]), "records"),
    "zipped lines": ("d.jsonl.gz", gzip.compress(json.dumps(CAT).encode()), "records"),
    "a zipped table": ("d.csv.gz", gzip.compress(b"image,caption\na.png,A cat."), "records"),
    "a list under data": ("d.json", json.dumps({"data": [CAT]}), "records"),
    "annotations without images": ("d.json", json.dumps({"annotations": [CAT]}), "records"),
    "Karpathy's split": ("d.json", json.dumps(KARPATHY), "records"),
    "turns as JSON text": (
        "d.json",
        json.dumps([{"image": "a.png", "conversations": json.dumps(TURNS)}]),
        "conversations",
    ),
    "typed parts": ("d.json", json.dumps([{"image": "a.png", "messages": PARTS}]), "conversations"),
    "Windows' paths": ("d.json", json.dumps([{**CAT, "image": "sub\\b.png"}]), "records"),
    "an image token in the caption": (
        "d.json",
        json.dumps([{**CAT, "caption": "<image>\nA cat."}]),
        "records",
    ),
}


def written(folder, name):
    file, content, kind = LAYOUTS[name]
    return kind, folder.text(content, file)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_gives_the_caption_and_the_image(folder, name):
    folder.image("a.png", "sub/b.png")
    [sample] = folder.load(*written(folder, name)).train
    assert sample.reference == "A cat."
    assert sample.image.name in ("a.png", "b.png")


@pytest.mark.parametrize("name", ["turns as JSON text", "typed parts"])
def test_the_prompt_is_read_without_tokens(folder, name):
    folder.image("a.png")
    assert folder.load(*written(folder, name)).train[0].prompt == "Describe it."


def test_a_caption_in_a_column_of_its_own_keeps_the_prompt_of_the_turns(folder):
    folder.image("a.png")
    file = folder.json([{"image": "a.png", "messages": PARTS[:1], "solution": "A cat."}])
    [sample] = folder.load("records", file, columns=Columns(caption="solution")).train
    assert (sample.prompt, sample.reference) == ("Describe it.", "A cat.")


def test_a_template_around_the_prompt_goes(folder):
    folder.image("a.png")
    prompt = "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>Describe.<|im_end|>\n"
    file = folder.json([{**CAT, "prompt": prompt + "<|im_start|>assistant\n"}])
    assert folder.load("records", file).train[0].prompt == "Describe."


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_kept(folder):
    folder.image("a.png", "b.png")
    file = folder.text(
        r'[{"image": "a.png", "caption": "A cat \ud83d."},'
        r' {"image": "b.png", "caption": "A cat \ud83d\ude00."}]',
        "d.json",
    )
    samples = folder.load("records", file).train
    assert [sample.reference for sample in samples] == ["A cat \ufffd.", "A cat \U0001f600."]


def test_rows_of_one_id_and_different_content_are_different_samples(folder):
    """As in llava_instruct_150k, whose parts share COCO's ids."""
    folder.image("a.png")
    rows = [{**CAT, "id": "1"}, {**CAT, "id": "1", "caption": "A dog."}, {**CAT, "id": "1"}]
    loaded = folder.load("records", folder.json(rows))
    names = [sample.id for sample in loaded.train]
    assert len(set(names)) == 2
    assert all(name.startswith("1#") for name in names)
    assert [(problem.row, problem.reason) for problem in loaded.problems] == [
        (3, f"id {names[0]!r} stands in row 1 already")
    ]
    dropped = folder.load("records", folder.json(rows), duplicates="drop")
    assert [sample.id for sample in dropped.train] == names
    assert not dropped.problems


def test_a_whole_number_with_a_point_is_an_id(folder):
    folder.image("a.png")
    assert folder.load("records", folder.json([{**CAT, "id": 7.0}])).train[0].id == "7"


def test_a_linked_folder_of_images_is_followed(folder):
    folder.image("elsewhere/a.png")
    (folder.path / "root").mkdir()
    (folder.path / "root" / "coco").symlink_to(folder.path / "elsewhere")
    file = folder.json([{**CAT, "image": "coco/a.png"}])
    [sample] = folder.load("records", file, image_root=folder.path / "root").train
    assert sample.open_image().size == (4, 3)


def test_the_same_picture_is_on_one_side_of_the_split(folder):
    """Ten names, five pictures: whichever picture is held out, both of its names are."""
    folder.image(*(f"{number}.png" for number in range(5)))
    for number in range(5):
        content = (folder.path / f"{number}.png").read_bytes()
        (folder.path / f"copy{number}.png").write_bytes(content)
    names = [f"{kind}{number}.png" for number in range(5) for kind in ("", "copy")]
    file = folder.json([{"image": name, "caption": f"Picture {name}."} for name in names])
    for seed in range(3):
        loaded = load(DataSettings(data=f"records:{file}", eval_samples=2), seed)
        sides = [
            {sample.image.name.removeprefix("copy") for sample in side}
            for side in (loaded.train, loaded.held_out)
        ]
        assert not sides[0] & sides[1]
        assert len(loaded.held_out) == 2
        assert loaded.same == 5


CAPTIONS = {
    "COCO's results": [{"image_id": 42, "caption": "A cat."}],
    "by the image's name": [{"image": "42", "caption": "A cat."}],
}


@pytest.mark.parametrize("name", CAPTIONS)
def test_captions_of_others_are_read(tmp_path, name):
    (tmp_path / "c.json").write_text(json.dumps(CAPTIONS[name]))
    assert from_file(tmp_path / "c.json") == {"42": ("A cat.",)}


def test_a_row_without_a_caption_is_told_with_its_columns(tmp_path):
    (tmp_path / "c.json").write_text(json.dumps([{"answer": "A cat.", "question": "x"}]))
    with pytest.raises(UserError, match=r"needs an id and a caption.*it has answer, question"):
        from_file(tmp_path / "c.json")


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"[]")[:-6]])
def test_a_broken_gzip_file_is_named(folder, content):
    file = folder.text(content, "d.json.gz")
    with pytest.raises(UserError, match=r"d\.json\.gz is not a whole gzip file"):
        folder.load("records", file)


def test_a_line_with_too_many_cells_is_a_bad_row(folder):
    folder.image("a.png", "b.png")
    file = folder.text("image,caption\na.png,A cat.\nb.png,A dog, and more\n", "d.csv")
    assert [(p.row, p.reason) for p in folder.load("records", file).problems] == [
        (2, "has more cells than the 2 columns of line 1")
    ]
