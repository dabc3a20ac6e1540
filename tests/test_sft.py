"""`balcap sft`: a policy learns references, and is a policy afterwards."""

import json
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.runs.folder import RunFolder


def command(policy: Path, run: Path, *more: str) -> list[str]:
    return [
        "sft", "--policy", str(policy), "--run", str(run), "--shapes.train", "40",
        "--shapes.captions", "imperfect", "--batch", "8", "--steps", "20", "--lr", "3e-3",
        "--gradient-checkpointing", "false", *more,
    ]  # fmt: skip


@pytest.mark.parametrize("family", ["qwen2.5-vl", "llava-1.5"])
def test_the_loss_falls_and_training_can_go_on_from_there(
    family: str, fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "one")
    assert main(command(fresh_policies[family], run.path)) == 0
    first, second = run.read_metrics()  # steps 10 and 20
    assert second["loss"] < 0.9 * first["loss"]  # type: ignore[operator]
    again = RunFolder(tmp_path / "two")
    assert main(command(run.path, again.path, "--steps", "10", "--lora.rank", "2")) == 0
    assert again.read_metrics()[0]["loss"] < first["loss"]  # type: ignore[operator]


def test_data_without_references_are_refused(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    Image.new("RGB", (30, 30)).save(tmp_path / "a.png")
    (tmp_path / "rows.json").write_text(json.dumps([{"image": "a.png", "facts": ["It is black."]}]))
    arguments = command(fresh_policies["llava-1.5"], tmp_path / "run")
    assert main([*arguments, "--data", f"records:{tmp_path / 'rows.json'}"]) == 2
    assert "reference to learn from" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
