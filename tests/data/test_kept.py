"""Large data are checked once, and then are what they would be if they were checked again."""

import base64
import io
import os
import pickle
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from balcap.cli import main
from balcap.data import reading
from balcap.data.kept import key
from balcap.data.kept.samples import KeptSamples
from balcap.data.kept.writing import KeptWriter
from balcap.errors import UnreadableImageError, UserError


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


def keep_all(monkeypatch):
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
    rows = {
        "caption": ["A cat.", "A dog."],
        "image": [{"bytes": png(i), "path": None} for i in (1, 2)],
    }
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
    return [
        (
            each.id, each.prompt, each.reference, each.facts, each.questions, each.metadata,
            each.image if isinstance(each.image, Path) else "in a table", picture(each),
        )
        for each in samples
    ]  # fmt: skip


def picture(sample):
    try:
        opened = sample.open_image()
    except UnreadableImageError as error:
        return error.reason.partition(":")[0]
    return opened.size, opened.getpixel((0, 0))


@pytest.mark.parametrize("check", ["full", "header", "exists"])
@pytest.mark.parametrize("made", [lines, texts, table, saved, tar, pictures])
def test_kept_is_what_would_be_checked_anew(folder, made, check, monkeypatch):
    kind, file = made(folder)
    settings = {"check_images": check, "eval_samples": 2}
    expected = folder.load(kind, file, **settings)
    assert isinstance(expected.train, tuple)  # the data are small
    keep_all(monkeypatch)
    for _ in ("checked", "found"):
        loaded = folder.load(kind, file, **settings)
        assert isinstance(loaded.train, KeptSamples)
        assert seen(loaded.train) == seen(expected.train)
        assert seen(loaded.held_out) == seen(expected.held_out)
        assert (loaded.problems, loaded.same) == (expected.problems, expected.same)


@pytest.fixture
def kept(folder, monkeypatch):
    """Loads data that are kept; returns how many samples there are, and whether they were checked
    in this start."""
    keep_all(monkeypatch)
    checks = []
    read_rows = reading.read_rows
    monkeypatch.setattr(reading, "read_rows", lambda path: checks.append(path) or read_rows(path))

    def load(kind, file, **settings):
        before = len(checks)
        loaded = folder.load(kind, file, **settings)
        return len(loaded.train), len(checks) > before

    return load


def test_a_second_start_reads_no_row_and_says_so(folder, kept, capsys):
    data = lines(folder)
    assert kept(*data) == (13, True)  # of 17 rows: a duplicate, two images, and no JSON
    assert "17/17 rows of" in capsys.readouterr().out
    assert kept(*data, prompt="Say it.") == (13, False)  # is put in when a sample is made
    assert ": as checked at " in capsys.readouterr().out


def test_another_file_or_another_check_is_another_start(folder, kept):
    data = lines(folder)
    assert kept(*data) == (13, True)
    assert kept(*data, check_images="header") == (13, True)
    assert kept(*data, duplicates="drop") == (13, True)
    folder.lines(ROWS[3:])  # with neither of the two samples of the first three
    assert kept(*data) == (11, True)


def test_an_image_that_has_come_or_was_mended_is_looked_at(folder, kept):
    data = lines(folder)
    assert kept(*data) == (13, True)
    soon = time.time() + 10  # a clock of the file system may be coarse
    for number, name in enumerate(("none.png", "broken.png"), 1):
        folder.image(name)
        os.utime(folder.path / name, (soon, soon))
        assert kept(*data) == (13 + number, True)
    assert kept(*data) == (15, False)


def test_a_check_that_was_stopped_leaves_nothing(folder, kept, monkeypatch, tmp_path):
    data = lines(folder)
    with monkeypatch.context() as broken:
        broken.setattr(KeptWriter, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            kept(*data)
    assert [file.suffix for file in (tmp_path / "cache/data").iterdir()] == [".lock"]
    assert kept(*data) == (13, True)


def test_a_folder_that_can_only_be_read_is_read(folder, kept, monkeypatch):
    data = lines(folder)
    assert kept(*data) == (13, True)

    def refuse(*_, **__):
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert kept(*data) == (13, False)


def test_what_cannot_be_kept_is_checked_all_the_same(folder, kept, tmp_path, capsys):
    (tmp_path / "cache").write_text("a file")
    assert kept(*lines(folder)) == (13, True)
    assert "is checked at each start, as the result cannot be kept" in capsys.readouterr().out


def test_too_many_bad_rows_are_refused_at_each_start(folder, kept):
    data = lines(folder)
    for _ in ("checked", "found"):
        with pytest.raises(UserError, match="4 of 17 rows are unusable"):
            kept(*data, max_bad=0.1)


def test_of_two_at_once_one_checks_and_the_other_waits(folder, kept):
    data = lines(folder)
    with ThreadPoolExecutor(2) as threads:
        counts = list(threads.map(lambda _: kept(*data)[0], range(2)))
    assert counts == [13, 13]
    assert kept(*data) == (13, False)
    assert len([*folder.path.glob("cache/data/*/checked.json")]) == 1


def test_a_folder_that_was_moved_has_its_pictures(folder, kept, tmp_path, monkeypatch):
    data = table(folder)
    assert kept(*data) == (3, True)
    (tmp_path / "cache").rename(tmp_path / "moved")
    monkeypatch.setenv("BALCAP_CACHE", str(tmp_path / "moved"))
    reds = [picture(each)[1][0] for each in folder.load(*data).train]
    assert reds == [5, 6, 6]


def test_what_is_pickled_is_where_samples_are(folder, kept, tmp_path):
    """Two of three, for a worker: not their images, of which each has some hundred bytes."""
    data = table(folder)
    assert kept(*data) == (3, True)
    some = folder.load(*data).train[1:]
    sent = pickle.dumps(some)
    assert len(sent) < 1500
    back = pickle.loads(sent)
    assert [sample.id for sample in back] == [sample.id for sample in some]
    assert [picture(each) for each in back] == [picture(each) for each in some]
    (tmp_path / "cache").rename(tmp_path / "moved")
    with pytest.raises(UserError, match=r"cannot be read here .*let BALCAP_CACHE name a folder"):
        pickle.loads(sent)


def test_the_cache_tells_what_is_kept_and_deletes_what_is_not_used(folder, kept, capsys, tmp_path):
    data = lines(folder)
    assert kept(*data) == (13, True)
    assert main(["cache", "show"]) == 0
    shown = capsys.readouterr().out
    assert "1 checked data sets" in shown
    assert f"{data[1]}       13" in shown
    assert main(["cache", "prune", "--older", "1d"]) == 0
    assert "0 of 1 checked data sets deleted" in capsys.readouterr().out
    (place,) = (tmp_path / "cache/data").glob("*/")
    os.utime(place, (0, 0))
    assert main(["cache", "prune", "--older", "1d"]) == 0
    assert "1 of 1 checked data sets deleted" in capsys.readouterr().out
    assert kept(*data) == (13, True)
