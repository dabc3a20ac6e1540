"""A training that diverges stops before its broken weights are a checkpoint."""

from pathlib import Path

import pytest
from test_training import command

from balcap.cli import main
from balcap.runs.folder import RunFolder
from balcap.training.grpo import CaptionTrainer


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
    more = ["--save-every", "1", "--eval-samples", "0"]
    assert main(command(fresh_policies["llava-1.5"], run.path, *more)) == 1
    assert "step 2 diverged: grad_norm" in capsys.readouterr().err
    assert run.last_step() == 1
