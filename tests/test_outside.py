"""A part of each kind from outside the checkout, as its how-to page shows it, in a file of its own.

They come as an installed package would bring them: modules, and a `.dist-info` folder that names
their entry points. Normalisers and gates by path: `test_outside_methods.py`.
"""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helpers.pages import shown

ENTRY_POINTS = """
[balcap.rewards]
colours = my_head:ColourWords
[balcap.normalizers]
louder = my_rule:Louder
[balcap.gates]
halve = my_gate:Halve
[balcap.judges]
parrot = my_backend:Parrot
[balcap.data_formats]
lines = my_format:parse_line
[balcap.protocols]
short = my_protocol:COMMAND
[balcap.families]
qwen2_vl = my_family:QWEN2
"""
MODULES = {
    "head": shown("add-a-head"),
    "rule": shown("add-a-method"),
    "gate": shown("add-a-method", 1),
    "backend": shown("add-a-judge-backend"),
    "format": shown("add-a-data-format"),
    "protocol": shown("add-a-protocol"),
    "family": shown("add-a-model-family"),
}
PARROT = "--judge.backend parrot --judge.model any --judge.cache off --judge.score 5"


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in it."""
    folder = tmp_path_factory.mktemp("outside")
    info = folder / "my_parts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-parts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    for name, text in MODULES.items():
        (folder / f"my_{name}.py").write_text(text)
    return folder


def run(outside: Path, folder: Path, line: str) -> "subprocess.CompletedProcess[str]":
    """A command, run where the package can be found."""
    program = f"import sys; sys.path.insert(0, {str(outside)!r}); from balcap.cli import main; "
    return subprocess.run(
        [sys.executable, "-c", program + "sys.exit(main(sys.argv[1:]))", *line.split()],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def balcap(outside: Path, folder: Path, line: str) -> str:
    """What a command says that succeeds."""
    done = run(outside, folder, line)
    assert done.returncode == 0, done.stderr
    return done.stdout


def mistake(outside: Path, folder: Path, line: str) -> str:
    """What is said of a mistake."""
    done = run(outside, folder, line)
    assert done.returncode == 2
    return done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where commands are given: eight pictures with a caption each, and a row without one."""
    from PIL import Image

    rows = [{"picture": "0.png"}]
    for number in range(8):
        Image.new("RGB", (40, 40), (30 * number, 0, 0)).save(tmp_path / f"{number}.png")
        rows.append({"picture": f"{number}.png", "says": "A red square."})
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "captions.json").write_text(json.dumps({"7.png": "A red and blue dog."}))
    return tmp_path


def scored(outside: Path, folder: Path, line: str) -> "dict[str, float]":
    """The row of the only caption, scored with the data of the format from outside."""
    given = "score captions.json --data lines:rows.jsonl --max-bad 0.5 --gate none --out s.jsonl "
    balcap(outside, folder, given + line)
    [row] = (folder / "s.jsonl").read_text().splitlines()
    found: dict[str, float] = json.loads(row)
    return found


def test_a_head_scores(outside: Path, folder: Path) -> None:
    """Two of three colours."""
    assert scored(outside, folder, "--rewards colours")["colours"] == pytest.approx(2 / 3)
    listed = balcap(outside, folder, "heads")
    assert "colours: Share of three colour words that the caption has" in listed


def test_a_backend_answers_as_its_settings_say(outside: Path, folder: Path) -> None:
    """A grade of 5 from 1 to 9 is one half."""
    assert scored(outside, folder, f"--rewards holistic {PARROT}")["holistic"] == 0.5
    wrong = "score captions.json --rewards holistic --judge.backend parrot --judge.score 0"
    assert "judge.score is 0" in mistake(outside, folder, wrong)
    assert "--judge.score N" in balcap(outside, folder, f"{wrong} --help")


def test_a_format_is_read_and_its_bad_rows_are_told(outside: Path, folder: Path) -> None:
    """The caption has 5 words, its reference 3; one row in nine is bad."""
    assert scored(outside, folder, "--rewards colours")["ratio"] == pytest.approx(5 / 3)
    bad = "score captions.json --data lines:rows.jsonl --max-bad 0.1 --rewards colours"
    assert "has no column says" in mistake(outside, folder, bad)


def test_all_of_them_train_a_family(outside: Path, folder: Path) -> None:
    """Of `colours`, which is gated, a quarter counts, and everything three times: the advantage of
    a caption is 3 (colours / 4 + holistic), and its holistic score is 0.5."""
    from balcap.analysis import captions_df
    from balcap.policies.random_init import make

    family = runpy.run_path(str(outside / "my_family.py"))["QWEN2"]
    make(family, ["A red square. A blue square. A dog."] * 20, folder / "policy")
    balcap(
        outside, folder,
        "train --policy ./policy --data lines:rows.jsonl --max-bad 0.5 --run run --steps 1 "
        f"--rewards colours,holistic --eval-rewards= {PARROT} --group-size 4 --batch 8 "
        "--max-tokens 12 --eval-samples 0 --normalizer louder --louder.factor 3 --gate halve "
        "--halve.share 0.25 --gate-heads colours --freeze-vision --lora.rank 4",
    )  # fmt: skip
    settings = yaml.safe_load((folder / "run/config.yaml").read_text())
    assert settings["judge"]["score"] == 5
    assert (settings["louder"], settings["halve"]) == ({"factor": 3.0}, {"share": 0.25})
    made = captions_df(folder / "run")
    assert len(made) == 8
    expected = 3 * (made["colours"] / 4 + 0.5)
    assert made["advantage"].to_numpy() == pytest.approx(expected.to_numpy())


def test_a_protocol_evaluates_and_is_compared(outside: Path, tmp_path: Path) -> None:
    """Captions of 0 and 3 words: 1 and 1/4, so 62.5; of 1 and 1 words: 1/2 each, so 50."""
    for name, texts in (("one", ["", "a red ball"]), ("two", ["ball", "ball"])):
        captions = dict(zip("ab", texts, strict=True))
        (tmp_path / f"{name}.json").write_text(json.dumps(captions))
        said = balcap(outside, tmp_path, f"eval short --captions {name}.json --out {name}")
        assert f"short: {62.5 if name == 'one' else 50:.2f}" in said
    assert "short" in balcap(outside, tmp_path, "eval")
    table = balcap(outside, tmp_path, "eval compare one two")
    assert "-12.50" in table


def test_a_command_is_imported_when_it_is_asked_for(tmp_path: Path) -> None:
    """One that cannot be ends nothing else: the list of commands names it, and leaves it out."""
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[balcap.commands]\nbroken = nowhere_at_all:COMMAND\n")
    assert run(tmp_path, tmp_path, "-V").stderr == ""
    listed = run(tmp_path, tmp_path, "--help")
    assert listed.returncode == 0
    assert "warning: the command 'broken' cannot be loaded from nowhere_at_all:COMMAND" in (
        listed.stderr
    )
    assert "mend or uninstall the package" in mistake(tmp_path, tmp_path, "broken")
