"""`balcap init` copies a beginning, and never over what is there."""

from pathlib import Path

import pytest

from balcap.cli import COMMANDS, main
from balcap.cli.init import starter_files
from balcap.cli.parser import parse


def test_it_writes_what_is_not_there_and_keeps_what_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my_head.py").write_text("mine")
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / "my_head.py").read_text() == "mine"
    assert f"kept     {tmp_path / 'my_head.py'}" in capsys.readouterr().out
    for source, name in starter_files():
        if name != Path("my_head.py"):
            assert (tmp_path / name).read_bytes() == source.read_bytes()
    assert {"notebooks", "sweeps"} <= {path.name for path in tmp_path.iterdir()}


def test_its_head_trains_and_its_sweeps_are_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    words = ["--rewards", "my_head.py:MyHead,fluency", "--my-head.words", "3", "--steps", "20"]
    heads = parse(COMMANDS["train"], words).heads
    assert heads is not None
    assert heads.trained[0].config.words == 3
    assert main(["sweep", "sweeps/gates.yaml", "--plan"]) == 0
    assert "balcap train" in capsys.readouterr().out


def test_a_file_in_its_place_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["init", str(tmp_path / "file")]) == 2
    assert "which is a file; name a folder" in capsys.readouterr().err
