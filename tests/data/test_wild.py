"""Files as people have them: each layout of the field, small, with the right value."""

import base64
import bz2
import gzip
import io
import json
import tarfile

import pyarrow
import pytest
from PIL import Image

from balcap.config import Columns, DataSettings
from balcap.data import load
from balcap.data.caption_file import from_file
from balcap.errors import UserError

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


def png(red=0):
    out = io.BytesIO()
    Image.new("RGB", (4, 3), (red, 0, 0)).save(out, "PNG")
    return out.getvalue()


LINE = json.dumps(CAT).encode()
PNG = base64.b64encode(png()).decode()
LAYOUTS = {  # file, what it holds, kind
    "a table of commas": ("d.csv", "image,caption\na.png,A cat.\n", "records"),
    "a table of tabs": ("d.tsv", "image\tcaption\na.png\tA cat.\n", "records"),
    "quotes in a table": ("d.csv", 'image,caption\na.png,"A cat."\n', "records"),
    "an upper-case suffix": ("d.JSON", json.dumps([CAT]), "records"),
    "zipped lines": ("d.jsonl.gz", gzip.compress(json.dumps(CAT).encode()), "records"),
    "a zipped table": ("d.csv.gz", gzip.compress(b"image,caption\na.png,A cat."), "records"),
    "lines in bzip2": ("d.jsonl.bz2", bz2.compress(LINE), "records"),
    "lines in zstandard": (
        "d.jsonl.ZST",
        pyarrow.compress(LINE, codec="zstd", asbytes=True),
        "records",
    ),
    "a list under data": ("d.json", json.dumps({"data": [CAT]}), "records"),
    "annotations without images": ("d.json", json.dumps({"annotations": [CAT]}), "records"),
    "Karpathy's split": ("d.json", json.dumps(KARPATHY), "records"),
    "verl's ground truth": (
        "d.json",
        json.dumps([{"image": "a.png", "reward_model": {"ground_truth": "A cat."}}]),
        "records",
    ),
    "a ground truth": (
        "d.json",
        json.dumps([{"image": "a.png", "ground_truth": "A cat."}]),
        "records",
    ),
    "turns as JSON text": (
        "d.json",
        json.dumps([{"image": "a.png", "conversations": json.dumps(TURNS)}]),
        "conversations",
    ),
    "typed parts": ("d.json", json.dumps([{"image": "a.png", "messages": PARTS}]), "conversations"),
    "Windows' paths": ("d.json", json.dumps([{**CAT, "image": "sub\\b.png"}]), "records"),
    "white space around a path": ("d.json", json.dumps([{**CAT, "image": " a.png "}]), "records"),
    "a suffix in another case": ("d.json", json.dumps([{**CAT, "image": "a.PNG"}]), "records"),
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


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"[]", mtime=0)[:-6]])
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


@pytest.mark.parametrize("image", [PNG, f"data:image/png;base64,{PNG}"])
@pytest.mark.parametrize("name", ["d.tsv", "d.json"])
def test_an_image_in_base64_is_read(folder, name, image):
    cells = f"id\timage\tcaption\n7\t{image}\tA cat.\n"
    file = folder.text(cells if name == "d.tsv" else json.dumps([{**CAT, "image": image}]), name)
    [sample] = folder.load("records", file).train
    assert sample.open_image().size == (4, 3)


def test_broken_base64_is_a_bad_row(folder):
    file = folder.json([{**CAT, "image": PNG[:12] + "A" * 100}, {**CAT, "image": PNG}])
    [problem] = folder.load("records", file).problems
    assert problem.row == 1
    assert "cannot be read" in problem.reason


def test_karpathys_images_are_in_the_folder_that_the_file_names(folder):
    folder.image("val2014/a.png")
    images = [{**KARPATHY["images"][0], "filepath": "val2014"}]
    [sample] = folder.load("records", folder.json({**KARPATHY, "images": images})).train
    assert sample.image == (folder.path / "val2014/a.png").resolve()


def tar(folder, members, name="d.tar"):
    with tarfile.open(folder.path / name, "w") as archive:
        for member, content in members.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return str(folder.path / name)


MEMBERS = {
    "0.jpg": png(5), "0.txt": b"A cat.\n", "0.json": b'{"facts": ["It is red."], "id": "no"}',
    "sub/1.PNG": png(6), "sub/1.json": b'{"caption": "A dog."}', "sub/1.seg.npy": b"\xff\x00",
}  # fmt: skip


def test_a_tar_of_webdataset_is_read(folder):
    samples = folder.load("records", tar(folder, MEMBERS)).train
    assert [(each.id, each.reference, each.facts) for each in samples] == [
        ("0", "A cat.", ("It is red.",)),
        ("sub/1", "A dog.", ()),
    ]
    assert [each.open_image().getpixel((0, 0)) for each in samples] == [(5, 0, 0), (6, 0, 0)]


def test_a_tar_that_is_compressed_or_none_is_told(folder):
    file = folder.text(gzip.compress((folder.path / tar(folder, MEMBERS)).read_bytes()), "c.tar")
    with pytest.raises(UserError, match=r"c\.tar is not a whole, uncompressed tar.*unpack it once"):
        folder.load("records", file)


def test_several_files_are_read_by_a_pattern_and_bad_rows_named_in_theirs(folder):
    folder.image("p/a.png", "p/b.png")
    for name, image in (("1.jsonl", "b.png"), ("0.jsonl", "a.png")):
        folder.lines([{**CAT, "image": image}, {**CAT, "image": "none.png"}], f"p/{name}")
    loaded = folder.load("records", str(folder.path / "p/*.jsonl"))
    assert [sample.image.name for sample in loaded.train] == ["a.png", "b.png"]
    assert [(problem.file, problem.row) for problem in loaded.problems] == [
        (str(folder.path / "p/0.jsonl"), 2),
        (str(folder.path / "p/1.jsonl"), 2),
    ]
    with pytest.raises(UserError, match=r"rows 2 of .*0\.jsonl, 2 of .*1\.jsonl: no image 'none"):
        folder.load("records", str(folder.path / "p/*.jsonl"), max_bad=0.1)


def test_a_pattern_for_folders_has_its_images_below_the_last_plain_one(folder):
    folder.image("p/x/a.png")
    folder.lines([{**CAT, "image": "x/a.png"}], "p/x/d.jsonl")
    [sample] = folder.load("records", str(folder.path / "p/*/d.jsonl")).train
    assert sample.image.name == "a.png"


QA_RESPONSE = """#### 1. **What colour is the dog?**
   - A) Red
   - B) Blue

**Answer:** B) Blue
------
#### 2. **Where is it?**
- A) On a beach
- B) In a car
- C) At sea
**Answer:** A
------
#### 3. **How many
"""


def test_caprls_questions_are_read_as_the_model_wrote_them(folder):
    """The third was cut off."""
    folder.image("a.png")
    file = folder.json([{"image_path": "a.png", "qa_response": QA_RESPONSE}])
    [sample] = folder.load("caption-qa", file).train
    assert [(q.text, q.choices, q.answer) for q in sample.questions] == [
        ("What colour is the dog?", ("Red", "Blue"), 1),
        ("Where is it?", ("On a beach", "In a car", "At sea"), 0),
    ]
