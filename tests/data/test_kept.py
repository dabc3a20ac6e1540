"""Large data are checked once, and then are what they would be if they were checked again."""

import base64
import io
import json
import os
import subprocess
import sys
import tarfile

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from balcap.data.kept import key
from balcap.data.kept.samples import KeptSamples
from balcap.errors import UserError


def png(red):
    out = io.BytesIO()
    Image.new("RGB", (4 + red, 3), (red, 0, 0)).save(out, "PNG")
    return out.getvalue()


ASKED = {"question": "What?", "choices": ["a cat", "a dog"], "answer": 0}
ROWS = [
    {"id": "a", "image": "0.png", "caption": "A cat.", "facts": ["it sits"], "mood": [1, {"x": 2}]},
    {"id": "a", "image": "0.png", "caption": "A dog.", "prompt": "Say what you see."},
    {"id": "a", "image": "0.png", "caption": "A dog.", "prompt": "Say what you see."},
    {"image": "1.png", "caption": "A bird.", "questions": [ASKED]},
    {"image": "none.png", "caption": "A ghost."},
    {"image": "broken.png", "caption": "A wreck."},
    "not JSON",
    *({"id": f"s{i}", "image": f"{i}.png", "caption": f"Cat {i}."} for i in range(2, 12)),
]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BALCAP_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def keep_all(monkeypatch):
    """Data of any size are kept."""
    monkeypatch.setattr(key, "KEPT_FROM", 0)
    monkeypatch.setattr(key, "PICTURES_FROM", 0)


def lines(folder):
    folder.image(*(f"{i}.png" for i in range(12)))
    (folder.path / "broken.png").write_bytes(png(3)[:30])
    return "records", folder.lines(ROWS)


def texts(folder):
    row = {"image": base64.b64encode(png(7)).decode(), "caption": "A cat."}
    return "records", folder.lines([row, {**row, "caption": "A dog."}, {"image": "x.png"}])


def table(folder):
    cells = [{"bytes": png(i)} for i in (5, 6, 6, 6)] + [{"bytes": png(3)[:30]}]
    captions = ["A cat.", "A dog.", "A dog.", "A cow.", "A wreck."]
    rows = {"id": ["x", "y", "y", "z", "w"], "image": cells, "caption": captions}
    pq.write_table(pa.table(rows), folder.path / "data.parquet")
    return "records", str(folder.path / "data.parquet")


def saved(folder):
    rows = {"caption": ["A cat.", "A dog."], "image": [{"bytes": png(i), "path": None} for i in (1, 2)]}
    made = datasets.Dataset.from_dict(rows).cast_column("image", datasets.Image())
    made.save_to_disk(str(folder.path / "saved"))
    return "records", str(folder.path / "saved")


def tar(folder):
    with tarfile.open(folder.path / "data.tar", "w") as archive:
        for name, content in (("a.png", png(8)), ("a.txt", b"A cat."), ("b.png", png(9))):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return "images", str(folder.path / "data.tar")


def pictures(folder):
    folder.image("a/0.png", "a/b/1.png", "2.png")
    return "images", str(folder.path)


def seen(samples):
    """All that samples say, with their pictures' sizes and first pixels."""
    said = []
    for each in samples:
        picture = each.open_image()
        named = each.image if hasattr(each.image, "name") else None
        said.append((
            each.id, each.prompt, each.reference, each.facts, each.questions, dict(each.metadata),
            named, picture.size, picture.getpixel((0, 0)),
        ))  # fmt: skip
    return said


@pytest.mark.parametrize("check", ["full", "header", "exists"])
@pytest.mark.parametrize("made", [lines, texts, table, saved, tar, pictures])
def test_kept_is_what_would_be_checked_anew(folder, made, check, monkeypatch):
    kind, file = made(folder)
    settings = {"check_images": check, "eval_samples": 2}
    monkeypatch.setattr(key, "KEPT_FROM", 10**9)
    if check == "exists" and made in (lines, table):  # broken images cannot be opened below
        settings["max_bad"] = 1.0
        expected = folder.load(kind, file, **settings)
        names = [[s.id for s in side] for side in (expected.train, expected.held_out)]
        monkeypatch.setattr(key, "KEPT_FROM", 0)
        found = folder.load(kind, file, **settings)
        assert [[s.id for s in side] for side in (found.train, found.held_out)] == names
        return
    expected = folder.load(kind, file, **settings)
    monkeypatch.setattr(key, "KEPT_FROM", 0)
    monkeypatch.setattr(key, "PICTURES_FROM", 0)
    for _ in ("checked", "found"):
        found = folder.load(kind, file, **settings)
        assert isinstance(found.train, KeptSamples)
        assert seen(found.train) == seen(expected.train)
        assert seen(found.held_out) == seen(expected.held_out)
        assert (found.problems, found.same) == (expected.problems, expected.same)
