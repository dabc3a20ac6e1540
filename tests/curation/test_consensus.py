"""Rubrics from what captioners agree on and a student misses: counted, by worked numbers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from balcap.cli import main
from balcap.config import DataSettings, ShapesSettings
from balcap.curation.consensus import least
from balcap.data import shapes
from balcap.data.shapes.language import place_phrase
from balcap.data.shapes.scene import Scene

(SAMPLE, OTHER), _ = shapes.load(DataSettings(eval_samples=0, shapes=ShapesSettings(train=2)))
assert isinstance(SAMPLE.image, Scene)
FIRST, SECOND = SAMPLE.image.things[:2]
ALL = f"A {FIRST.name} is {place_phrase(FIRST.place)}. There is a {SECOND.name}."
ONE = f"There is a {FIRST.name}."


def wrote(file: Path, *texts: str, of: Sequence[str] = (SAMPLE.id, OTHER.id)) -> Path:
    file.write_text(json.dumps(dict(zip(of, texts, strict=False))))
    return file


def curate(out: Path, teachers: Sequence[Path], *more: str) -> int:
    return main([
        "curate", "--what", "rubrics", "--data", "shapes", "--limit", "2", "--out", str(out),
        "--teachers", ",".join(map(str, teachers)), "--writer.cache", "off", *more,
    ])  # fmt: skip


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def teachers(tmp_path: Path) -> list[Path]:
    """Three; of the other image only one has a caption."""
    return [
        wrote(tmp_path / "a.json", ALL, "A picture."),
        wrote(tmp_path / "b.json", ONE),
        wrote(tmp_path / "c.json", f"{ONE} There is a {SECOND.name}."),
    ]


def test_half_of_the_captions_and_two() -> None:
    """RubiCap's five: three. Of two, two: one agrees with nobody."""
    assert [least(n) for n in (2, 3, 4, 5, 6)] == [2, 2, 2, 3, 3]


def test_what_two_of_three_say_is_kept(
    teachers: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first thing is in all three captions, the second in two, the first one's place in one."""
    assert curate(tmp_path / "out", teachers) == 0
    assert "1 images have captions of 1 of 3 teachers, and get no row" in capsys.readouterr().out
    (row,) = lines(tmp_path / "out/rubrics.jsonl")
    assert row["id"] == SAMPLE.id
    assert row["rubric"] == [
        {"criterion": f"Says that there is a {FIRST.name}.", "weight": 3.0},
        {"criterion": f"Says that there is a {SECOND.name}.", "weight": 3.0},
    ]
    verdicts = lines(tmp_path / "out/verdicts.jsonl")
    (alone,) = (one for one in verdicts if one["rule"] == "no consensus")
    assert len(alone["written"]["supported_by"]) == 1
    assert place_phrase(FIRST.place) in alone["written"]["criterion"]
    (unasked,) = (one for one in verdicts if "problem" in one)
    assert (unasked["id"], unasked["problem"]) == (OTHER.id, "captions of 1 of 3 teachers")
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert (report["written"], report["kept"]) == (3, 2)
    assert report["rules"]["no consensus"] == {"dropped": 1}


def test_what_the_student_says_is_no_criterion(teachers: list[Path], tmp_path: Path) -> None:
    """It says the first thing, and so the second one is left."""
    student = wrote(tmp_path / "student.json", ONE)
    assert curate(tmp_path / "out", teachers, "--student", str(student)) == 0
    (row,) = lines(tmp_path / "out/rubrics.jsonl")
    assert [one["criterion"] for one in row["rubric"]] == [f"Says that there is a {SECOND.name}."]


def test_a_student_that_misses_nothing_leaves_no_row(teachers: list[Path], tmp_path: Path) -> None:
    student = wrote(tmp_path / "student.json", ALL)
    assert curate(tmp_path / "out", teachers, "--student", str(student)) == 0
    assert lines(tmp_path / "out/rubrics.jsonl") == []
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["images"] == {"asked": 2, "unusable": 1, "rows": 0, "failed": 0}


JUDGE = """
import json, re
def answer(request):
    text = request.messages[-1].text
    said = [words.strip() for words in re.findall(r"^\\d+\\. <<<(.*?)>>>$", text, re.MULTILINE)]
    criterion = {"criterion": "; ".join(said), "importance": "minor"}
    return json.dumps({"criteria": [criterion | {"supported_by": NUMBERS}]})
"""


@pytest.mark.parametrize(("numbers", "kept"), [("[1, 1]", 0), ("[0, 4]", 0), ("[1, 3, 3]", 1)])
def test_supporters_are_counted_once_and_only_those_that_there_are(
    teachers: list[Path], tmp_path: Path, numbers: str, kept: int
) -> None:
    """Two of three are needed; number 0 and 4 are nobody's."""
    judge = tmp_path / "judge.py"
    judge.write_text(JUDGE.replace("NUMBERS", numbers))
    writer = ["--writer.backend", "scripted", "--writer.model", f"{judge}:answer"]
    assert curate(tmp_path / "out", teachers, *writer) == 0
    assert len(lines(tmp_path / "out/rubrics.jsonl")) == kept


def test_captions_stand_in_an_order_of_the_images_own(tmp_path: Path) -> None:
    """By 20 images: the first teacher is first on some and not on all."""
    ids = [f"shapes-0-train-{n}" for n in range(20)]
    teachers = [wrote(tmp_path / f"{n}.json", *[n] * 20, of=ids) for n in ("one", "two")]
    judge = tmp_path / "judge.py"
    judge.write_text(JUDGE.replace("NUMBERS", "[1, 2]"))
    writer = ["--writer.backend", "scripted", "--writer.model", f"{judge}:answer"]
    orders = []
    for out in ("a", "b"):
        assert curate(tmp_path / out, teachers, *writer, "--limit", "20") == 0
        rows = lines(tmp_path / out / "rubrics.jsonl")
        orders.append([row["rubric"][0]["criterion"] for row in rows])
    assert set(orders[0]) == {"one; two", "two; one"}
    assert orders[0] == orders[1]


def test_other_captions_are_another_curation(
    teachers: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert curate(tmp_path / "out", teachers) == 0
    wrote(teachers[0], ONE)
    assert curate(tmp_path / "out", teachers) == 2
    assert "holds another curation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--teachers", "a.json"], "teachers has one file, a.json; nobody can agree with it"),
        (["--teachers", "a.json,a.json"], "teachers names a file twice"),
        (["--student", "a.json"], "no teachers are given, of whose captions it could miss"),
        (["--what", "facts", "--teachers", "a.json,b.json"], "captions are compared for rubrics"),
        (["--teachers", "a.json,none.json"], "none.json"),
        (["--teachers", "x.json,y.json"], "no image has captions of two teachers: the data have"),
    ],
)
def test_mistakes_are_one_message_before_the_judge_is_asked(
    teachers: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x.json", "y.json"):
        wrote(tmp_path / name, "A picture.", of=["somebody"])
    given = ["curate", "--what", "rubrics", "--data", "shapes", "--limit", "2", "--out", "out"]
    assert main([*given, *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()
