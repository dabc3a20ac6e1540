"""A training that diverges stops with one message, and its newest checkpoint is a good one."""

from pathlib import Path

import pytest

from balcap.cli import main
from balcap.runs.folder import RunFolder
from balcap.training.grpo import CaptionTrainer
from helpers.training import command

MORE = ["--save-every", "1", "--eval-samples", "0"]


def test_a_step_that_is_not_finite_is_never_a_checkpoint(
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The loss of step 2 is NaN: the newest checkpoint is that of step 1."""
    loss_of = CaptionTrainer.compute_loss

    def broken(self: CaptionTrainer, *args: object, **more: object) -> object:
        loss = loss_of(self, *args, **more)
        return loss * float("nan") if self.state.global_step == 1 else loss

    monkeypatch.setattr(CaptionTrainer, "compute_loss", broken)
    run = RunFolder(tmp_path / "run")
    assert main(command(fresh_policies["llava-1.5"], run.path, *MORE)) == 1
    message = capsys.readouterr().err
    assert "step 2 diverged: loss and grad_norm and weights not finite; loss nan" in message
    assert "peak learning rate 0.001, advantage/gain" in message
    assert "most of the advantage is" in message
    assert f"The newest checkpoint is good: {run.checkpoints / 'checkpoint-1'}" in message
    assert run.last_step() == 1
    assert run.read_json(run.summary)["interrupted"] is True
    monkeypatch.undo()
    assert main(["train", "--resume", str(run.path)]) == 0  # the loss is itself again
    assert run.last_step() == 4


def test_weights_that_no_caption_can_be_drawn_from_are_not_the_newest_checkpoint(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Finite and huge: each of them passes, and their logits do not."""
    run = RunFolder(tmp_path / "run")
    huge = [*MORE, "--lr", "1e30", "--warmup", "0", "--trl.max_grad_norm", "0"]
    assert main(command(fresh_policies["qwen2.5-vl"], run.path, *huge)) == 1
    message = capsys.readouterr().err
    assert "diverged: " in message
    assert "peak learning rate 1e+30" in message
    assert run.newest_checkpoint() is None
    assert "There is no checkpoint from before; start again with a smaller --lr" in message
