"""`balcap score`: captions from a file."""

import json
from pathlib import Path

import pandas as pd
import pytest

from balcap.cli import main
from balcap.config import DataSettings
from balcap.data import shapes

HEADS = Path(__file__).parent / "helpers" / "heads.py"
REWARDS = f"{HEADS}:Brief,{HEADS}:Picky"
TRAIN, HELD_OUT = shapes.load(DataSettings(eval_samples=3))


def write(path: Path, captions: dict[str, str]) -> Path:
    path.write_text(json.dumps(captions))
    return path


def score(file: Path, *more: str) -> int:
    return main(["score", str(file), "--rewards", REWARDS, "--gate", "none", *more])


def test_each_caption_has_its_scores_and_the_means_are_of_scored_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "captions.json", {TRAIN[0].id: "abc", HELD_OUT[0].id: "abcd"})
    out = tmp_path / "scores.jsonl"
    assert score(file, "--out", str(out)) == 0
    first, second = (json.loads(line) for line in out.read_text().splitlines())
    assert first["brief"] == 0.25  # 1 / (1 + 3)
    assert first["picky"] == 0.5
    assert second["picky"] is None
    assert second["picky.reason"] == "even"
    table = capsys.readouterr().out
    assert "brief" in table
    assert "0.225" in table  # (1/4 + 1/5) / 2
    assert "2 captions" in table


def test_parquet_in_and_out(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": [TRAIN[0].id], "caption": ["abc"]})
    table.to_parquet(tmp_path / "captions.parquet")
    out = tmp_path / "scores.parquet"
    assert score(tmp_path / "captions.parquet", "--out", str(out)) == 0
    assert pd.read_parquet(out)["brief"].tolist() == [0.25]


def test_captions_without_a_sample_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(write(tmp_path / "c.json", {TRAIN[0].id: "abc", "nobody": "x"})) == 0
    assert "1 left out, such as 'nobody': no sample of" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"nobody": "x"}', "no caption of"),
        ('[{"caption": "x"}]', "needs an id and a caption"),
        ('[{"id": "a"}]', "needs an id and a caption"),
        ("no json", "c.json"),
    ],
)
def test_a_wrong_file_is_one_message(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.json").write_text(content)
    assert score(tmp_path / "c.json") == 2
    assert message in capsys.readouterr().err


def test_lengths_in_tokens_need_a_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "c.json", {TRAIN[0].id: "abc"})
    assert score(file, "--length-unit", "tokens") == 2
    assert "words or chars" in capsys.readouterr().err


def test_the_default_heads_tell_a_reference_from_an_empty_caption(tmp_path: Path) -> None:
    captions = {TRAIN[0].id: TRAIN[0].reference or "", HELD_OUT[0].id: ""}
    out = tmp_path / "scores.jsonl"
    file = write(tmp_path / "c.json", captions)
    assert main(["score", str(file), "--out", str(out)]) == 0
    good, empty = (json.loads(line) for line in out.read_text().splitlines())
    for head in ("qa", "cov", "fluency"):
        assert good[head] > 0.6
        assert empty[head] == 0
    assert (good["ratio"], good["in_band"], empty["in_band"]) == (1.0, True, False)
