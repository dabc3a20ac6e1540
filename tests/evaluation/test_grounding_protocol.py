"""Grounding: a worked caption, and a run before and after its training."""

import json
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.config import DataSettings
from balcap.data import shapes
from balcap.data.shapes.grounding import scene_facts
from balcap.errors import UserError
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.grounding.command import GroundingSettings
from balcap.evaluation.protocols.grounding.protocol import GroundingProtocol
from helpers.runs import train_briefly

HELD_OUT = shapes.load(DataSettings(eval_samples=3))[1]


def judged(folder: Path, captions: dict[str, str], **more: object) -> dict:
    (folder / "captions.json").write_text(json.dumps(captions))
    chosen = GroundingSettings(
        captions=folder / "captions.json",
        out=folder / "out",
        **more,  # type: ignore[arg-type]
    )
    evaluate(GroundingProtocol(chosen))
    return json.loads((folder / "out" / "summary.json").read_text())


def test_a_reference_a_background_a_silence_and_a_lie(tmp_path: Path) -> None:
    """Scene 0 by its reference: everything. Scene 1 by its background alone: precision 1, recall
    1/n, F1 2/(n + 1). Scene 2 by nothing: F1 0, no precision. The fourth id is of no scene."""
    scene = HELD_OUT[1].metadata["scene"]
    captions = {
        HELD_OUT[0].id: HELD_OUT[0].reference or "",
        HELD_OUT[1].id: f"A {scene.background} background.",
        HELD_OUT[2].id: "How lovely.",
        "stranger": "A red circle.",
    }
    count = len(scene_facts(scene))
    summary = judged(tmp_path, captions, limit=4)
    assert summary["score"] == pytest.approx(100 * (1 + 2 / (count + 1)) / 3)
    assert summary["fact_precision"] == 1.0
    assert summary["fact_recall"] == pytest.approx((1 + 1 / count) / 3)
    assert summary["object_recall"] == pytest.approx(1 / 3)
    assert summary["invalid"] == {"no caption": 1}
    assert summary["judge"] is None


def test_a_run_before_and_after(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = str(fresh_policies["qwen2.5-vl"])
    run = train_briefly(fresh_policies["qwen2.5-vl"], tmp_path / "run", "--eval-samples", "6")
    before, after = str(tmp_path / "before"), str(tmp_path / "after")
    evaluation = ["eval", "grounding", "--limit", "6", "--max-tokens", "8"]
    assert main([*evaluation, "--policy", policy, "--out", before]) == 0
    assert main(["eval", "grounding", "--policy", str(run.path), "--out", after]) == 0
    # the run's own greedy captions of its held-out scenes, by its own settings
    own = json.loads(run.captions.read_text())["after_greedy"]
    lines = (tmp_path / "after" / "captions.jsonl").read_text().splitlines()
    written = {line["id"]: line["caption"] for line in map(json.loads, lines)}
    assert written == {row["sample"]: row["caption"] for row in own}
    capsys.readouterr()
    assert main(["eval", "compare", before, after]) == 0
    assert "| grounding | after |" in capsys.readouterr().out


def test_captions_go_on_at_a_whole_batch(fresh_policies: dict[str, Path], tmp_path: Path) -> None:
    """Sampled captions of a second start are those that one start would have written."""
    command = [
        "eval", "grounding", "--policy", str(fresh_policies["qwen2.5-vl"]), "--limit", "5",
        "--max-tokens", "8", "--batch", "2", "--temperature", "1", "--out",
    ]  # fmt: skip
    assert main([*command, str(tmp_path / "whole")]) == 0
    whole = (tmp_path / "whole" / "captions.jsonl").read_text()
    lines = whole.splitlines(keepends=True)
    assert len(set(lines)) == 5
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "settings.json").write_text((tmp_path / "whole" / "settings.json").read_text())
    (cut / "captions.jsonl").write_text("".join(lines[:3]) + lines[3][:9])
    assert main([*command, str(cut)]) == 0
    assert (cut / "captions.jsonl").read_text() == whole


def test_another_world_than_shapes_has_no_truth(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("data: records:photos.jsonl\n")
    with pytest.raises(UserError, match="was trained on 'records:photos"):
        GroundingProtocol(GroundingSettings(policy=str(tmp_path)))
    with pytest.raises(UserError, match="on shapes only"):
        GroundingSettings(policy="tiny-qwen2.5-vl", data="records:photos.jsonl")
