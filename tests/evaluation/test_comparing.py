"""`balcap eval compare`: paired differences, published rows, and what is not comparable."""

import csv
import json
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.errors import UserError
from balcap.evaluation.comparing.compare import Evaluation, compare, protocol_called, read
from balcap.evaluation.comparing.published import published
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.captionqa.command import CaptionQASettings
from balcap.evaluation.protocols.captionqa.protocol import CaptionQA
from balcap.judges.scripted import scripted
from helpers import captionqa as world


def evaluated(folder: Path, name: str, letter: str = "", limit: int | None = None) -> Path:
    """An evaluation whose judge answers by rule, or always with one letter."""
    captions, data = world.write(folder)
    out = folder / name
    chosen = CaptionQASettings(captions=captions, data=str(data), out=out, limit=limit)
    judge = scripted(lambda request: letter or world.answer(request.messages[-1].text))
    evaluate(CaptionQA(chosen, judge))
    return out


def test_a_difference_is_over_shared_items_with_a_paired_interval(tmp_path: Path) -> None:
    """By rule a has 1, 0, 1, c 0.38333 and 0, d 1; always A: a 0, 0, 0, c 0 and 0, d 1.

    (a#1: A is Full, wrong; c#0: A is 3, wrong; c#1: A is Gamma, wrong; d#0: A is steel, right.)
    So the difference is 100 x (1 - 3.38333) / 6, of which a gives -2, c -0.38333 and d 0: drawing
    only a, or only d, is the widest: 100 x -2/3 and 0.
    """
    rule, always = evaluated(tmp_path, "rule"), evaluated(tmp_path, "always", "A")
    first, second = compare([read(rule), read(always)], with_published=False, seed=0)
    assert "difference" not in first
    assert second["score"] == pytest.approx(100 / 6)
    assert second["difference"] == pytest.approx(100 / 6 - world.SCORE)
    assert second["shared"] == 6
    assert second["difference_low"] == pytest.approx(-200 / 3)
    assert second["difference_high"] == pytest.approx(0)


def test_only_shared_items_are_subtracted(tmp_path: Path) -> None:
    """Image a alone: by rule 2/3, always A 0."""
    rule, always = evaluated(tmp_path, "rule"), evaluated(tmp_path, "always", "A", limit=1)
    row = compare([read(rule), read(always)], with_published=False, seed=0)[1]
    assert row["shared"] == 3
    assert row["difference"] == pytest.approx(-200 / 3)
    assert row["difference_low"] is None  # of a single image


def test_another_judge_is_not_subtracted(tmp_path: Path) -> None:
    one, two = evaluated(tmp_path, "one"), evaluated(tmp_path, "two")
    content = json.loads((two / "summary.json").read_text())
    content["judge"]["identity"] = {"model": "somebody else"}
    (two / "summary.json").write_text(json.dumps(content))
    row = compare([read(one), read(two)], with_published=False, seed=0)[1]
    assert "difference" not in row
    assert "no difference: other judge, prompts or rivals" in row["note"]


def benchmarks(name: str, **values: float) -> Evaluation:
    found = {one: {"value": value} for one, value in values.items()}
    score = sum(values.values()) / len(values)
    return Evaluation(name, {"protocol": "general", "score": score, "benchmarks": found})


def test_a_mean_of_benchmarks_is_over_those_that_all_have() -> None:
    """The second is worse in each that both have, though its own mean, 70, is above 60."""
    both = [benchmarks("one", pope=80, mme=40), benchmarks("two", pope=70, mme=30, mmb=110)]
    rows = compare(both, with_published=False, seed=0)
    assert [row["score"] for row in rows] == [60, 50]
    assert all("mean of pope, mme" in row["note"] for row in rows)
    same = compare(both[:1] * 2, with_published=False, seed=0)
    assert [(row["score"], row["note"]) for row in same] == [(60, ""), (60, "")]
    apart = [benchmarks("one", pope=80), benchmarks("two", mme=30)]
    rows = compare(apart, with_published=False, seed=0)
    assert [row["score"] for row in rows] == [None, None]


def test_the_table_in_all_forms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rule, always = evaluated(tmp_path, "rule"), evaluated(tmp_path, "always", "A")
    command = ["eval", "compare", str(rule), str(always / "summary.json"), "--with-published"]
    assert main([*command, "--out", str(tmp_path / "t.csv")]) == 0
    printed = capsys.readouterr().out
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    assert lines[2].startswith("| captionqa | rule | 56.39 |")
    assert "judged by scripted, not Qwen2.5-72B-Instruct" in lines[2]
    theirs = next(line for line in lines if "GPT-5" in line)
    assert "90.29" in theirs
    assert "published: CaptionQA authors" in theirs
    assert main([*command, "--out", str(tmp_path / "new" / "t.md")]) == 0
    assert (tmp_path / "new" / "t.md").read_text() in printed
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    assert [row["comparable"] for row in rows[:3]] == ["False", "False", ""]
    assert float(rows[1]["difference"]) == pytest.approx(100 / 6 - world.SCORE)


def test_every_published_number_has_a_source_and_stands_under_its_protocol() -> None:
    for protocol in ("bcapscore", "captionqa", "caparena", "dcscore", "general", "prism"):
        rows = published(protocol)
        assert rows
        assert all(row["note"].startswith("published: ") and row["name"] for row in rows)
    assert {row["name"]: row["score"] for row in published("captionqa")}[
        "Qwen2.5-VL-3B BalCapRL"
    ] == 75.0
    assert published("grounding") == []


def test_protocols_are_found_by_their_names() -> None:
    assert protocol_called("captionqa") is CaptionQA
    assert protocol_called("bootstrap") is None
    assert protocol_called("os.path") is None


def test_what_is_no_evaluation_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name a folder that has one"):
        read(tmp_path)
    evaluated(tmp_path, "out")
    (tmp_path / "out" / "summary.json").unlink()
    with pytest.raises(UserError, match="run its command again to finish it"):
        read(tmp_path / "out")
