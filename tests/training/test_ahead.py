"""One step ahead: captions are one update old; the loss knows it, and a resumed run does."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import TrainerCallback, set_seed

from balcap.cli import main
from balcap.config import RolloutSettings, TrainSettings
from balcap.errors import UserError
from balcap.runs.folder import RunFolder
from balcap.runs.provenance import starts
from balcap.runs.rollouts import Rollouts
from balcap.training.ahead import AheadTrainer
from balcap.training.engine_check import check_ahead
from balcap.training.kept_batch import KeptBatch
from balcap.training.warnings import warnings_of
from balcap.types import Caption
from helpers.heads import Brief, Letters
from helpers.trainer import make
from helpers.training import check_same, command, cut


def log_probabilities(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """[B, T]: of each token that was written, by transformers alone."""
    prompt = inputs["prompt_ids"].shape[1]
    names = ("pixel_values", "image_grid_thw", "mm_token_type_ids")
    logits = model(
        input_ids=torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1),
        attention_mask=torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1),
        **{name: inputs[name] for name in names if name in inputs},
    ).logits[:, prompt - 1 : -1]
    written = inputs["completion_ids"].unsqueeze(-1)
    return logits.log_softmax(dim=-1).gather(-1, written).squeeze(-1).detach()


@pytest.mark.parametrize("family", ["qwen2.5-vl", "llava-1.5"])
def test_the_loss_s_ratio_is_to_the_policy_that_wrote(
    family: str, fresh_policies: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step 1 learns from the policy's own captions, the ratio is 1. Those of step 2 were written
    before that update: it is exp(new - old), where old is of the weights from before."""
    policy, heads = fresh_policies[family], [Letters(), Brief()]
    trainer = make(policy, tmp_path, heads, ahead=1, steps=2, lr=3e-2, warmup=0)
    writer = make(policy, tmp_path, heads).model.train()
    original, seen = trainer._compute_loss, []

    def watched(model: Any, inputs: Any) -> Any:
        loss = original(model, inputs)
        new, old = (log_probabilities(each, inputs) for each in (model, writer))
        seen.append((inputs, new, old, float(loss.detach())))
        return loss

    monkeypatch.setattr(trainer, "_compute_loss", watched)
    trainer.train()
    ratios = []
    for inputs, new, old, _ in seen:
        mask, kept = inputs["completion_mask"].bool(), inputs["old_per_token_logps"]
        torch.testing.assert_close(kept[mask], old[mask], rtol=0, atol=1e-4)
        ratios.append(torch.exp(new - old)[mask])
    torch.testing.assert_close(ratios[0], torch.ones_like(ratios[0]), rtol=0, atol=1e-4)
    assert (ratios[1] - 1).abs().max() > 0.2  # epsilon: some of them are clipped
    inputs, new, old, loss = seen[1]
    advantage, mask = inputs["advantages"].unsqueeze(1), inputs["completion_mask"]
    ratio = torch.exp(new - old)
    tokens = -torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage) * mask
    by_hand = tokens.sum() / mask.sum()  # dapo, TRL's default: over all tokens of the batch
    assert loss == pytest.approx(float(by_hand), abs=1e-4)
    assert abs(loss + float((advantage * mask).sum() / mask.sum())) > 1e-3  # not that of ratio 1


def trained(policy: Path, folder: Path, **settings: Any) -> list[Rollouts]:
    kept: list[Rollouts] = []
    set_seed(0)
    make(
        policy, folder, [Letters(), Brief()], steps=3, warmup=0, top_k=1,
        on_rollouts=lambda step, rollouts, seconds: kept.append(rollouts), **settings,
    ).train()  # fmt: skip
    return kept


def test_each_step_has_its_own_samples_whoever_writes_them(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    """Of a policy that hardly moves, and its likeliest tokens, nothing is different but when they
    were written; so are captions, samples and advantages of each step the same."""
    policy = fresh_policies["qwen2.5-vl"]
    early = trained(policy, tmp_path / "early", lr=1e-12, ahead=1)
    as_usual = trained(policy, tmp_path / "usual", lr=1e-12)
    assert len(early) == len(as_usual) == 3
    for one, other in zip(early, as_usual, strict=True):
        assert [row.text for row in one.rows] == [row.text for row in other.rows]
        assert [row.group for row in one.rows] == [row.group for row in other.rows]
        assert np.array_equal(one.credit.advantage, other.credit.advantage)


class Slow(Letters):
    """Has scores for a batch only once the next one is written."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.written = [threading.Event() for _ in range(batches)]
        self.begun = 0
        self.waited_in_vain = False

    def score(self, captions: Sequence[Caption]) -> Sequence[float]:
        self.begun += 1
        if self.begun < len(self.written):
            self.waited_in_vain |= not self.written[self.begun].wait(20)
        return super().score(captions)


class Updates(TrainerCallback):
    """Notes when the policy was updated."""

    def __init__(self, events: list[str]) -> None:
        self.events = events

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.events.append(f"update {state.global_step}")


def test_a_slow_judge_has_the_time_of_an_update_and_of_the_next_batch(
    fresh_policies: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch 2 is in its head's hands from before update 1 until batch 3 is written."""
    head, events = Slow(batches=4), list[str]()
    trainer = make(fresh_policies["llava-1.5"], tmp_path, [head, Brief()], ahead=1, steps=4)
    trainer.add_callback(Updates(events))
    original = AheadTrainer._written

    def written(self: AheadTrainer, inputs: Any) -> Any:
        batch = original(self, inputs)
        number = sum(event.is_set() for event in head.written)
        head.written[number].set()
        events.append(f"batch {number + 1}")
        return batch

    monkeypatch.setattr(AheadTrainer, "_written", written)
    trainer.train()
    assert not head.waited_in_vain
    assert events == [
        "batch 1", "batch 2", "update 1", "batch 3", "update 2", "batch 4", "update 3", "update 4",
    ]  # fmt: skip


def test_a_resumed_run_is_the_unbroken_one_and_says_what_it_is(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    """With adapters and a reference; test_resume has all weights, and two processes."""
    run = RunFolder(tmp_path / "run")
    more = ("--rollout.ahead", "1", "--lr", "3e-2", "--warmup", "0")
    more += ("--beta", "0.1", "--lora.rank", "4")
    assert main(command(fresh_policies["qwen2.5-vl"], run.path, *more)) == 0
    resumed = cut(run)
    assert main(["train", "--resume", str(resumed.path)]) == 0
    check_same(run, resumed)
    assert run.read_json(run.summary)["updates_behind"] == 1
    assert [start["updates_behind"] for start in starts(resumed)] == [1, 1]
    assert any(row["rollout/clipped"] for row in run.read_metrics())
    last = KeptBatch.path(run.last_checkpoint(), 0, 1)
    assert not last.exists()  # nothing is written that no step would learn from


class Gone(Letters):
    """Its judge is gone at a given batch, once."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    def score(self, captions: Sequence[Caption]) -> Sequence[float]:
        self.left -= 1
        if self.left == 0:
            raise UserError("gone")
        return super().score(captions)


class StopAfter(TrainerCallback):
    """Ends a training early."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = state.global_step == self.step


@pytest.mark.parametrize("failing", [None, 2, 3], ids=["after step 2", "batch 2", "batch 3"])
def test_what_is_saved_amid_a_step_goes_on_as_if_nothing_had_been(
    failing: int | None, fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    """A head that fails at step k leaves a checkpoint of step k - 1 with the captions that it
    failed at; those of step k + 1, which were written too, are drawn again as they were."""

    def trainer(policy: Path, name: str, head: Letters, kept: list[Rollouts]) -> Any:
        set_seed(0)
        made = make(
            policy, tmp_path / name, [head, Brief()], ahead=1, steps=4, lr=1e-2, warmup=0,
            on_rollouts=lambda step, rollouts, seconds: kept.append(rollouts),
        )  # fmt: skip
        made._write_card = lambda: None  # there is no run that it could speak of
        return made

    fresh, whole, rest = fresh_policies["qwen2.5-vl"], list[Rollouts](), list[Rollouts]()
    unbroken = trainer(fresh, "whole", Letters(), whole)
    unbroken.train()
    broken = trainer(fresh, "broken", Gone(failing) if failing else Letters(), [])
    step = failing - 1 if failing else 2
    if failing:
        with pytest.raises(UserError, match="gone"):
            broken.train()
    else:
        broken.add_callback(StopAfter(step))
        broken.train()
    assert broken.state.global_step == step
    broken.save_now()
    checkpoint = tmp_path / "broken" / f"checkpoint-{step}"
    resumed = trainer(checkpoint, "resumed", Letters(), rest)
    resumed.train(resume_from_checkpoint=str(checkpoint))
    texts, others = ([[r.text for r in each.rows] for each in of] for of in (rest, whole[step:]))
    assert texts == others
    pairs = zip(resumed.model.parameters(), unbroken.model.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


def test_a_batch_of_other_samples_is_written_anew(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    """As where an image has gone since: the checkpoint's captions are not of what is asked for."""
    trainer = make(fresh_policies["qwen2.5-vl"], tmp_path, [Letters(), Brief()], ahead=1)
    trainer._resumed = KeptBatch([9] * 16, [[1]] * 16, {}, {})
    trainer.train()
    assert max(len(ids) for ids in trainer._kept[1].ids) > 1


@pytest.mark.parametrize(
    ("rollout", "trl", "said"),
    [
        ({"chunks": 2}, {}, "rollout.chunks 2"),
        ({}, {"num_iterations": 2}, "trl.num_iterations 2"),
        ({}, {"steps_per_generation": 4}, "trl.steps_per_generation 4"),
        ({}, {"log_completions": True}, "trl.log_completions True"),
    ],
)
def test_what_is_not_one_batch_for_one_update_is_refused(
    rollout: dict[str, int], trl: dict[str, Any], said: str
) -> None:
    def settings(**rollout: int) -> Any:
        return TrainSettings(rollout=RolloutSettings(**rollout), trl=trl).resolved()

    with pytest.raises(UserError, match=f"rollout.ahead is 1 and {said}; .*leave"):
        check_ahead(settings(ahead=1, **rollout))
    check_ahead(settings(**rollout))


def test_it_is_called_off_policy_and_only_then() -> None:
    with pytest.raises(UserError, match="ahead is 2; it must be between 0 and 1"):
        RolloutSettings(ahead=2)
    (said,) = warnings_of(TrainSettings(rollout=RolloutSettings(ahead=1)).resolved())
    assert "off-policy" in said
    assert not list(warnings_of(TrainSettings().resolved()))
