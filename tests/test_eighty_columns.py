"""What balcap prints fits a terminal of 80 columns; what goes into a pipe is as it always was."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.cli.commands import COMMANDS
from balcap.console import READABLE, renew, table
from balcap.evaluation.comparing.table import as_markdown, for_people
from balcap.training.progress import Progress

SWEEP = str(Path(__file__).parent / "golden" / "sweep")
WIDE = [
    {"run": f"runs/{i}", **{f"column {j}": f"{i}.{j} of many" for j in range(9)}} for i in range(3)
]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True, raising=False)


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("words", [["runs"], ["sweep", "show"]])
def test_tables_of_runs_fit(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, SWEEP]) == 0
    lines = printed(capsys)
    assert max(map(len, lines)) <= 80
    assert sum("0.414" in line for line in lines) == 2  # nothing is cut off: both runs of qa


@pytest.mark.usefixtures("terminal")
def test_what_all_runs_have_in_common_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", SWEEP]) == 0
    first, *others = printed(capsys)
    assert first == "in all of them: policy tiny-qwen2.5-vl, gate zero, steps 6/6, state finished"
    assert not any("tiny-qwen2.5-vl" in line for line in others)


def test_a_pipe_has_one_line_a_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["runs", SWEEP]) == 0
    lines = printed(capsys)
    assert sum("finished" in line and "tiny-qwen2.5-vl" in line for line in lines) == 6


def test_a_real_terminal_is_asked_for_its_width() -> None:
    """A terminal of 40 columns, and one that nobody told its size: 80."""
    code = "from balcap.console import columns; print(columns())"
    environment = {name: text for name, text in os.environ.items() if name != "COLUMNS"}
    for size, told in (("import os, fcntl, termios, struct; fcntl.ioctl(1, termios.TIOCSWINSZ, "
                        "struct.pack('4H', 24, 40, 0, 0)); ", b"40"), ("", b"80")):  # fmt: skip
        ours, theirs = pty.openpty()
        command = [sys.executable, "-c", size + code]
        subprocess.run(command, stdout=theirs, env=environment, check=True)
        os.close(theirs)
        assert os.read(ours, 100).strip() == told
        os.close(ours)


@pytest.mark.parametrize("name", ["", "eval", *COMMANDS])
def test_help_fits(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*name.split(), "--help"]) == 0
    assert [line for line in printed(capsys) if len(line) > 80] == []


def test_a_long_example_is_still_one_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["train", "--help"]) == 0
    joined = capsys.readouterr().out.replace(" \\\n      --", " --")
    for line in COMMANDS["train"].examples.strip().splitlines():
        assert f"  {line}\n" in joined


def test_heads_fit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["heads"]) == 0
    assert max(map(len, printed(capsys))) <= 80


@pytest.mark.parametrize("within", [24, 40, 60, 80, 119])
def test_a_folded_table_loses_nothing(within: int) -> None:
    folded = table(WIDE, within=within)
    assert max(map(len, folded.splitlines())) <= within
    for row in WIDE:
        for cell in row.values():
            assert " ".join(folded.split()).count(cell) >= 1
    parts = folded.split("\n\n")
    assert len(parts) > 1
    assert all(part.startswith("run") for part in parts)
    assert all(part.count("runs/2") == 1 for part in parts)


def test_rows_are_numbered_where_their_names_leave_no_room() -> None:
    rows = [{"run": "r" * 50, "x": "1" * 10, "y": "2" * 10}] * 2
    first, second = table(rows, within=60).split("\n\n")
    assert first.splitlines()[0].split() == ["#", "run"]
    assert second.splitlines()[3].split() == ["2", "1" * 10, "2" * 10]


def test_a_cell_that_is_too_wide_is_broken_into_lines() -> None:
    folded = table([{"run": "a", "note": "word " * 30}], within=40)
    assert max(map(len, folded.splitlines())) <= 40
    assert folded.count("word") == 30


@pytest.mark.usefixtures("terminal")
def test_a_comparison_is_markdown_where_it_fits() -> None:
    row = {"protocol": "captionqa", "name": "one", "score": 50.0}
    assert for_people([row]) == as_markdown([row])
    lines = for_people([row | {"note": "word " * 30}]).splitlines()
    assert max(map(len, lines)) <= 80
    assert not lines[0].startswith("|")


def test_the_progress_line_leaves_out_the_least_first() -> None:
    progress = Progress(steps=160, done=0, heads=["qa", "cov", "fluency"])
    metrics = {f"reward/{head}/mean": 0.5 for head in progress.heads} | {
        "length/words": 41.6, "gate/pass": 0.9,
    }  # fmt: skip
    whole = progress.line(40, metrics, 20.0)
    assert progress.line(40, metrics, 20.0, len(whole)) == whole
    narrow = progress.line(40, metrics, 20.0, 79)
    assert narrow == whole.replace("  0.50 s/step", "").replace("  in band 90%", "")
    assert narrow.endswith("42 words  ETA 1:00")


@pytest.mark.usefixtures("terminal")
def test_a_line_that_renews_itself_ends_before_the_terminal_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    renew("x" * READABLE)
    assert capsys.readouterr().out == "\r\x1b[K" + "x" * 79
