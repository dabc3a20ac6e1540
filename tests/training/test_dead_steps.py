"""A training in which nothing can be learned says so, and which head is the reason."""

from pathlib import Path

import pytest

from balcap.cli import main
from balcap.runs.folder import RunFolder
from helpers.training import command

HEADS = """
from balcap.heads import Head
from balcap.types import Unscored

class Same(Head):
    name = "same"
    def score(self, captions):
        return [0.5] * len(captions)

class Silent(Head):
    name = "silent"
    def score(self, captions):
        return [Unscored("nothing to look at")] * len(captions)
"""


def dead(policy: Path, tmp_path: Path, *more: str) -> list[str]:
    file = tmp_path / "dead_heads.py"
    file.write_text(HEADS)
    rewards = f"{file}:Same,{file}:Silent"
    return [*command(policy, tmp_path / "run"), "--rewards", rewards, "--gate", "none",
            "--eval-samples", "0", *more]  # fmt: skip


def test_it_stops_after_so_many_steps_in_a_row(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = dead(fresh_policies["llava-1.5"], tmp_path, "--max-dead-steps", "3")
    assert main(words) == 2
    message = capsys.readouterr().err
    assert "no caption had an advantage in the last 3 steps" in message
    assert "same does not tell the captions of a group apart" in message
    assert "silent scores no caption (nothing to look at)" in message
    assert RunFolder(tmp_path / "run").last_step() == 3  # with a checkpoint


def test_0_goes_on(fresh_policies: dict[str, Path], tmp_path: Path) -> None:
    words = dead(fresh_policies["llava-1.5"], tmp_path, "--max-dead-steps", "0")
    assert main(words) == 0
    assert RunFolder(tmp_path / "run").last_step() == 4


def test_captions_that_are_all_masked_teach_nothing(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Random policies hardly ever end a caption within 2 tokens."""
    words = command(fresh_policies["qwen2.5-vl"], tmp_path / "run", "--max-tokens", "2")
    masked = ["--trl.mask_truncated_completions", "true", "--max-dead-steps", "2"]
    assert main([*words, *masked, "--eval-samples", "0"]) == 2
    assert "every caption was cut off at --max-tokens" in capsys.readouterr().err
