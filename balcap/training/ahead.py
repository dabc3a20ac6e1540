"""One step ahead: how is the next batch scored while this one updates the policy?

    step k:  write batch k + 1  ->  wait for the scores of batch k  ->  update on batch k

The heads begin with a batch as soon as it is written, so that a judge has the time of an update and
of the writing of another batch before anybody waits for it. In return the captions are off-policy:
they come from the policy one update before the one that learns from them. Their log-probabilities
are those of the policy that wrote them, so the loss's ratio and its clipping are those of PPO
(arXiv:1707.06347, equation 7), which GRPO has taken over. One step of it is what asynchronous RLHF
does (arXiv:2410.18252).

All of it happens in the main thread but the scoring, so processes exchange what they exchange in
the same order. A checkpoint keeps the batch that waits (`kept_batch`), as its writer is gone by
then: beside the methods that `grpo` overrides, transformers' `_save_rng_state` and
`_load_rng_state` are.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from balcap import distributed
from balcap.heads.begun import Begun
from balcap.training import rng_state
from balcap.training.grpo import CaptionTrainer
from balcap.training.kept_batch import KeptBatch

OF_REWARDS = ("reward", "frac_reward")
"""How TRL's metrics of scores begin; when a batch is written there are none yet."""


@dataclass(frozen=True)
class _Batch:
    """This process's share of a batch that is written, and whose scoring has begun."""

    inputs: list[dict[str, Any]]
    output: dict[str, Any]
    begun: Begun
    kept: KeptBatch


class AheadTrainer(CaptionTrainer):
    """A `CaptionTrainer` that writes each batch one update early, for `--rollout.ahead 1`.

    At a run's first step two batches are written, at its last one none. TRL's own metrics of
    rewards are left out; balcap's have the scores.

    Args:
        arguments: those of `CaptionTrainer`, with `chunks` 1. A batch must be the captions of one
            update, no more and no less (`engine_check.check_ahead`).
    """

    num_iterations: int

    def __init__(self, **arguments: Any) -> None:
        self._ahead: _Batch | None = None
        self._kept: dict[int, KeptBatch] = {}  # by the step that learns from it
        self._resumed: KeptBatch | None = None
        self._given: list[list[int]] | None = None  # captions that are known already
        self._ids: list[list[int]] = []
        super().__init__(**arguments)

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """The batch that was written before this one, with its credit; the next one is written."""
        step = self.state.global_step + 1
        start = time.perf_counter()
        self._note_rng()
        batch = self._ahead or self._first(inputs)
        self._ahead, self._kept = None, {step: batch.kept}
        self._note_rng()  # a checkpoint has this batch from here on; the next one is drawn again
        if step < self.args.max_steps:
            self._ahead = self._written(self._following(batch.inputs))
            self._kept[step + 1] = self._ahead.kept
        self._seconds["generate"] = time.perf_counter() - start
        rollouts = self._credit(batch.inputs, list(batch.begun.captions), batch.begun)
        for name, values in batch.kept.metrics.items():
            self._metrics["train"][name].extend(values)
        return self._credited(batch.output, rollouts)

    def _following(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """This process's rows of the batch after this one; a group's image is opened once."""
        groups = self.args.generation_batch_size // self.num_generations
        turns = [row["turn"] + groups for row in inputs]
        opened = {turn: self.train_dataset[turn] for turn in dict.fromkeys(turns)}
        return [dict(opened[turn]) for turn in turns]

    def _written(self, inputs: list[dict[str, Any]]) -> _Batch:
        """Write a batch, with the log-probabilities of the policy as it is, and begin to score it.

        TRL computes these where captions outlive an update, which it takes from the number of
        iterations. What it logs belongs to the step that learns from the batch.
        """
        now, iterations = self._metrics["train"], self.num_iterations
        self._metrics["train"], self.num_iterations = defaultdict(list), 2
        try:
            output = self._write(inputs)
            logged = dict(self._metrics["train"])
        finally:
            self._metrics["train"], self.num_iterations = now, iterations
        metrics = {name: v for name, v in logged.items() if not name.startswith(OF_REWARDS)}
        rows = [row["row"] for row in self._inputs]
        begun, self._begun = self._begun, None
        assert begun is not None, "TRL did not call _generate"
        return _Batch(self._inputs, output, begun, KeptBatch.of(rows, self._ids, output, metrics))

    def _first(self, inputs: list[dict[str, Any]]) -> _Batch:
        """The first batch of this start: that of the checkpoint, or else one that is written now.

        Another number of processes has no use for a checkpoint's batch, nor has one that finds an
        image gone; what is written in its place is on-policy.
        """
        kept, self._resumed = self._resumed, None
        inputs = self.images.agreed(inputs)
        fits = kept is not None and kept.rows == [row["row"] for row in inputs]
        if all(distributed.everyones(fits)) and kept is not None:
            return self._written_before(inputs, kept)
        return self._written(inputs)

    def _written_before(self, inputs: list[dict[str, Any]], kept: KeptBatch) -> _Batch:
        """The batch of a checkpoint: the same captions, as its writer saw them."""
        drawn, seen = rng_state.now(), self.state.num_input_tokens_seen
        self._given = kept.ids
        try:
            batch = self._written(inputs)
        finally:
            self._given = None
        rng_state.restore(drawn)
        self.state.num_input_tokens_seen = seen  # they were counted when they were written
        of_writer = {
            name: tensor.to(self.accelerator.device) for name, tensor in kept.tensors.items()
        }
        return replace(batch, output=batch.output | of_writer, kept=kept)

    def _generate_single_turn(self, prompt_ids: Any, *arguments: Any, **more: Any) -> Any:
        """TRL's, but for captions that are known already."""
        if self._given is None:
            return super()._generate_single_turn(prompt_ids, *arguments, **more)
        unknown = [[0.0] * len(ids) for ids in self._given]  # the checkpoint's take their place
        return self._given, unknown if self.use_vllm else None

    def _calculate_rewards(
        self,
        inputs: list[dict[str, Any]],
        prompts: list[Any],
        completions: list[list[dict[str, str]]],
        completion_ids_list: list[list[int]],
    ) -> torch.Tensor:
        """Nothing yet: whoever waits for scores does so at the step that learns from them."""
        self._ids = completion_ids_list
        shape = (len(inputs) * self.accelerator.num_processes, len(self.heads))
        return torch.zeros(shape, device=self.accelerator.device)

    def _save_rng_state(self, output_dir: str) -> None:
        """Beside the random state, the batch that the next step learns from."""
        super()._save_rng_state(output_dir)
        kept = self._kept.get(self.state.global_step + 1)
        if kept is not None:
            kept.write(self._place(output_dir))

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Both again, when a run goes on."""
        super()._load_rng_state(checkpoint)
        if checkpoint is not None:
            self._resumed = KeptBatch.read(self._place(checkpoint))

    def _place(self, checkpoint: str) -> Path:
        state = self.accelerator.state
        return KeptBatch.path(Path(checkpoint), state.process_index, state.num_processes)
