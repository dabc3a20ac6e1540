"""`balcap curate`: what it leaves, what it asks again, what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from balcap.cli import main
from balcap.config import DataSettings, ShapesSettings
from balcap.curation.folder import CurationFolder
from balcap.data import load
from balcap.judges.factory import forget
from balcap.runs.lock import hold
from balcap.types import Sample
from balcap_rewards.rubric import read_rubric

JUDGE = """
from pathlib import Path
from balcap.curation import scene_judge
from balcap.errors import JudgeError

def answer(request):
    text = request.messages[-1].text
    shown = [picture.sample.id for picture in request.messages[-1].pictures]
    with Path({log!r}).open("a") as log:
        log.write(f"{{shown[0] if shown else '-'}} {{text[:10]}}\\n")
    down = Path({down!r}).read_text().split()
    if shown and shown[0] in down:
        raise JudgeError("the server is down")
    said = eval(Path({special!r}).read_text())
    return said or scene_judge.answer(request)
"""

Curate = Callable[..., int]


class Judged:
    """A judge in a file, which notes whom it is asked about, and is down for some."""

    def __init__(self, folder: Path) -> None:
        self.log, self.down, self.special = folder / "log", folder / "down", folder / "special"
        self.file = folder / "judge.py"
        names = {"log": self.log, "down": self.down, "special": self.special}
        self.file.write_text(JUDGE.format(**{name: str(file) for name, file in names.items()}))
        self.down_for()
        self.says("None")

    def down_for(self, *names: str) -> None:
        self.down.write_text(" ".join(names))

    def says(self, expression: str) -> None:
        """What it says where that is a text."""
        self.special.write_text(expression)

    def asked(self) -> list[str]:
        """The samples whose picture was shown since the last call."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.write_text("")
        return [line.split()[0] for line in lines]


@pytest.fixture
def judge(tmp_path: Path) -> Judged:
    return Judged(tmp_path)


@pytest.fixture
def curate(tmp_path: Path, judge: Judged) -> Curate:
    def run(*words: str, out: str = "out") -> int:
        forget()  # as a new process
        return main([
            "curate", "--out", str(tmp_path / out), "--questions.near", "words",
            "--writer.backend", "scripted", "--writer.model", f"{judge.file}:answer",
            "--writer.cache", "off", *words,
        ])  # fmt: skip

    return run


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.open()]


def test_an_image_that_failed_is_asked_again_by_its_id(
    curate: Curate, judge: Judged, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert curate("--limit", "8", out="whole") == 0
    judge.asked()
    judge.down_for("shapes-0-train-2", "shapes-0-train-5")
    assert curate("--limit", "8") == 3  # 2 of 8 are more than 1 in 100
    assert "2 of 8 images are without an answer" in capsys.readouterr().err
    assert not (tmp_path / "out/questions.jsonl").exists()
    judge.asked()
    judge.down_for("shapes-0-train-5")
    assert curate("--limit", "8", "--max-failed", "0.2") == 0
    assert set(judge.asked()) - {"-"} == {"shapes-0-train-2", "shapes-0-train-5"}
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["failed"] == {"shapes-0-train-5": "the server is down"}
    assert report["images"]["failed"] == 1
    judge.down_for()
    assert curate("--limit", "8") == 0
    assert set(judge.asked()) - {"-"} == {"shapes-0-train-5"}
    # in the data's order, although it was the last one to be answered
    for name in ("questions.jsonl", "verdicts.jsonl", "report.json", "manifest.json"):
        whole, mended = (tmp_path / folder / name for folder in ("whole", "out"))
        assert mended.read_bytes() == whole.read_bytes()


def test_a_dead_judge_is_not_asked_about_everything(curate: Curate, judge: Judged) -> None:
    judge.down_for(*(f"shapes-0-train-{number}" for number in range(200)))
    assert curate("--limit", "200", "--at-once", "1") == 3
    assert len(judge.asked()) == 64


def test_other_rules_and_more_images_ask_only_what_is_new(
    curate: Curate, judge: Judged, tmp_path: Path
) -> None:
    assert curate("--limit", "6") == 0
    before = lines(tmp_path / "out/verdicts.jsonl")
    judge.asked()
    assert curate("--limit", "6", "--questions.min-with-image", "1") == 0
    assert judge.asked() == []
    after = lines(tmp_path / "out/verdicts.jsonl")
    assert sum(line["kept"] for line in after) < sum(line["kept"] for line in before)
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["rules"]["min_with_image"] == 1.0
    assert curate("--limit", "7") == 0
    assert set(judge.asked()) - {"-"} == {"shapes-0-train-6"}


def test_other_questions_are_another_curation(
    curate: Curate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert curate("--limit", "1") == 0
    capsys.readouterr()
    assert curate("--limit", "1", "--questions.number", "3") == 2
    error = capsys.readouterr().err
    assert "holds another curation, with settings.number = 5, and now it is 3" in error


def test_a_line_that_a_kill_cut_short_is_asked_again(
    curate: Curate, judge: Judged, tmp_path: Path
) -> None:
    assert curate("--limit", "3", "--at-once", "1") == 0
    written = (tmp_path / "out/questions.jsonl").read_bytes()
    journal = tmp_path / "out/journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-30])
    judge.asked()
    assert curate("--limit", "3", "--at-once", "1") == 0
    assert set(judge.asked()) - {"-"} == {"shapes-0-train-2"}
    assert journal.read_bytes() == whole
    assert (tmp_path / "out/questions.jsonl").read_bytes() == written


def test_two_processes_do_not_work_in_one_folder(
    curate: Curate, judge: Judged, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert curate("--limit", "1") == 0
    judge.asked()
    with hold(CurationFolder(tmp_path / "out", "questions")):
        assert curate("--limit", "2") == 2
    assert "is being curated by process" in capsys.readouterr().err
    assert judge.asked() == []


def test_an_unusable_answer_is_told_and_not_asked_again(
    curate: Curate, judge: Judged, tmp_path: Path
) -> None:
    judge.says("shown == ['shapes-0-train-1'] and text.startswith('Write') and 'Sorry.'")
    assert curate("--limit", "3") == 0
    assert judge.asked().count("shapes-0-train-1") == 3  # once, and two draws
    bad = [x for x in lines(tmp_path / "out/verdicts.jsonl") if x["id"] == "shapes-0-train-1"]
    assert bad == [
        {
            "id": "shapes-0-train-1",
            "kept": False,
            "rule": "unusable answer",
            "problem": "no question in the answer 'Sorry.'",
        }
    ]
    assert json.loads((tmp_path / "out/report.json").read_text())["images"]["unusable"] == 1
    assert curate("--limit", "3") == 0
    assert judge.asked() == []


# --- images of files and tables


WORDS = """
import json

def answer(request):
    text = request.messages[-1].text
    if not request.messages[-1].pictures:
        return "D"
    if ") red" in text:
        return text[text.index(") red") - 1]
    item = {"category": "colour", "question": "What colour is it?", "answer": "B",
            "choices": ["blue", "red", "green", "pink"]}
    return "```json\\n" + json.dumps([item]) + "\\n```"
"""


def curated(data: str, folder: Path, *words: str) -> tuple[Sample, ...]:
    (folder / "words.py").write_text(WORDS)
    code = main([
        "curate", "--data", data, "--out", str(folder / "out"), "--questions.near", "words",
        "--writer.backend", "scripted", "--writer.model", f"{folder}/words.py:answer",
        "--writer.cache", "off", *words,
    ])  # fmt: skip
    assert code == 0
    file = folder / "out/questions.jsonl"
    return load(DataSettings(data=f"caption-qa:{file}", eval_samples=0)).train


def test_images_of_files_are_linked_and_rows_keep_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "photos/deep").mkdir(parents=True)
    Image.new("RGB", (20, 10), "red").save(tmp_path / "photos/a.png")
    Image.new("RGB", (20, 10), "blue").save(tmp_path / "photos/deep/b.jpg")
    rows = [
        {"id": 1, "image": "a.png", "caption": "A red field.", "source": "mine"},
        {"id": 2, "image": "deep/b.jpg", "caption": "A blue field.", "prompt": "What is it?"},
    ]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    root = ("--image-root", str(tmp_path / "photos"), "--license", "CC0-1.0")
    first, second = curated(f"records:{tmp_path}/data.jsonl", tmp_path, *root)
    assert first.open_image().size == (20, 10)
    assert first.questions[0].choices == ("blue", "red", "green", "pink")
    assert (first.questions[0].answer, first.questions[0].kind) == (1, "colour")
    assert (first.id, first.reference, first.metadata) == ("1", "A red field.", {"source": "mine"})
    assert (second.prompt, second.reference) == ("What is it?", "A blue field.")
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["license"] == "CC0-1.0"
    assert set(manifest["prompts"]) == {"questions", "with_image", "without_image"}
    assert manifest["judges"]["writer"] == manifest["judges"]["reader"]
    assert manifest["images"] == {"asked": 2, "unusable": 0, "rows": 2, "failed": 0}


def test_a_folder_of_pictures_is_enough(tmp_path: Path) -> None:
    (tmp_path / "photos/deep").mkdir(parents=True)
    (tmp_path / "photos/.hidden").mkdir()
    for name in ("b.JPG", "deep/a.png", ".hidden/c.png"):
        Image.new("RGB", (20, 10), "red").save(tmp_path / "photos" / name)
    (tmp_path / "photos/notes.txt").write_text("none of them")
    found = curated(f"images:{tmp_path}/photos", tmp_path)
    assert [sample.id for sample in found] == ["b.JPG", "deep/a.png"]
    assert all(len(sample.questions) == 1 and sample.reference is None for sample in found)


def test_images_of_tables_become_files(tmp_path: Path) -> None:
    Image.new("RGB", (20, 10), "red").save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    rows = [{"id": "../a b", "image": {"bytes": content, "path": None}, "caption": "Red."}]
    pd.DataFrame(rows).to_parquet(tmp_path / "data.parquet")
    (sample,) = curated(f"records:{tmp_path}/data.parquet", tmp_path)
    assert sample.id == "../a b"
    (file,) = (tmp_path / "out/pictures").iterdir()
    assert sample.image == file
    assert file.read_bytes() == content
    assert file.suffix == ".jpeg"


# --- what else can be written


def read(tmp_path: Path, what: str) -> Sample:
    file = tmp_path / what / f"{what}.jsonl"
    return load(DataSettings(data=f"records:{file}", eval_samples=0)).train[0]


def test_references_facts_and_rubrics_are_read_by_their_heads(
    curate: Curate, judge: Judged, tmp_path: Path
) -> None:
    world = load(DataSettings(shapes=ShapesSettings(train=1), eval_samples=0)).train[0]
    judge.says("""text.startswith('Describe') and '"A scene."'""")
    assert curate("--what", "references", "--limit", "1", out="references") == 0
    assert read(tmp_path, "references").reference == "A scene."
    judge.says("""'{"facts": ["A cat.", "a  cat."]}'""")
    assert curate("--what", "facts", "--limit", "1", out="facts") == 0
    assert read(tmp_path, "facts").facts == ("A cat.",)
    verdicts = lines(tmp_path / "facts/verdicts.jsonl")
    assert [line["rule"] for line in verdicts] == ["", "said before"]
    judge.says("None")
    assert curate("--what", "rubrics", "--limit", "1", out="rubrics") == 0
    sample = read(tmp_path, "rubrics")
    rubric = read_rubric(sample)
    # RubiCap's weights: critical 3, important 2, minor 1; one of each a thing, one for all
    assert sum(one.weight for one in rubric) == 6 * len(world.image.things) + 1
    assert sample.questions == world.questions  # the data's own stay
    (row,) = lines(tmp_path / "rubrics/rubrics.jsonl")
    bare = {name: row[name] for name in ("id", "image", "rubric")}
    (tmp_path / "rubrics/rubrics.jsonl").write_text(json.dumps(bare))
    assert read_rubric(read(tmp_path, "rubrics")) == rubric


# --- whom it asks


def test_messages_name_the_judge_s_own_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def error(*words: str) -> str:
        assert main(["curate", "--out", str(tmp_path / "out"), *words]) == 2
        return capsys.readouterr().err

    assert "--writer.backend endpoint" in error("--data", f"records:{tmp_path}/x.jsonl")
    endpoint = ("--writer.backend", "endpoint", "--writer.url", "http://127.0.0.1:9/v1")
    assert "--writer.model NAME" in error(*endpoint)
    assert "reader.batch is set" in error(*endpoint, "--writer.model", "m", "--reader.batch", "2")
    assert "leave out --reader.*" in error("--what", "facts", "--reader.model", "m")
    assert "no image in" in error("--data", f"images:{tmp_path}", *endpoint, "--writer.model", "m")
    assert "reader.max_pixels is 0" in error("--reader.max-pixels", "0")
    assert main(["curate"]) == 2
    assert "--out DIR" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
