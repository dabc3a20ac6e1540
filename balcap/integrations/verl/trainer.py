"""How do balcap's advantages get into verl's loss? By its synchronous trainer, one step changed.

verl's trainer V1 fetches a step's rewards as one number a caption and gives its estimators no more.
This one fetches what the reward manager told of every head, lets balcap's rule make the advantages
of the whole step, and has the estimator `balcap` hand them on; all else is verl's.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
import transfer_queue as tq
from verl.trainer.ppo.core_algos import register_adv_est
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from balcap.advantage.arrays import PerCaption
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.rule import Credit, progress_at
from balcap.errors import UserError
from balcap.integrations.verl import told
from balcap.integrations.verl.settings import NAME, check, settings_for, words

_ADVANTAGES: ContextVar[PerCaption | None] = ContextVar("advantages", default=None)


@register_adv_est(NAME)  # type: ignore[untyped-decorator]
def hand_on(
    token_level_rewards: Any, response_mask: torch.Tensor, **rest: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Advantages and returns [N, T] of the step: each caption's advantage at each of its tokens.

    Args:
        token_level_rewards: one number a caption; not read.
        response_mask: [N, T], 1 at the tokens of the captions.
        rest: what verl gives every estimator.

    Raises:
        UserError: if it is called by another trainer, which does not know the heads' scores.
    """
    advantage = _ADVANTAGES.get()
    if advantage is None:
        raise UserError(
            f"adv_estimator is {NAME}, and verl's own trainers give an estimator no head's score; "
            f"start verl with {words()}"
        )
    column = torch.as_tensor(advantage, dtype=torch.float32, device=response_mask.device)
    tokens = column[:, None] * response_mask
    return tokens, tokens


@register_trainer(NAME)
class BalcapTrainer(PPOTrainerSync):  # type: ignore[misc]
    """verl's synchronous trainer with balcap's advantages.

    Args:
        config: verl's whole configuration.

    Raises:
        UserError: as `settings_for` and `check`, before any model is loaded.
    """

    def __init__(self, config: Any) -> None:
        self._balcap = settings_for()
        check(config)
        super().__init__(config)

    def _build_replay_buffer(self) -> Any:
        self.trainer_mode = "sync"  # verl takes trainers of any other name for asynchronous ones
        return super()._build_replay_buffer()

    def _compute_advantage(self, batch: Any, metrics: dict[str, Any]) -> Any:
        held = _ADVANTAGES.set(self._advantages(batch, metrics))
        try:
            return super()._compute_advantage(batch, metrics)
        finally:
            _ADVANTAGES.reset(held)

    def _val_metrics_update(
        self, sources: Any, uids: Any, infos: Any, *rest: Any, **more: Any
    ) -> Any:
        told.raise_fault(infos.get(told.FAULT, []))
        return super()._val_metrics_update(sources, uids, infos, *rest, **more)

    def _advantages(self, batch: Any, metrics: dict[str, Any]) -> PerCaption:
        """[N] of the batch's rows, in their order; 0 for those that only fill it up."""
        real = np.array([not tag.get("is_padding", False) for tag in batch.tags])
        keys = [key for key, is_real in zip(batch.keys, real, strict=True) if is_real]
        if len({key.rsplit("_", 1)[0] for key in keys}) < len(keys):  # UID_SESSION_OUTPUT
            raise UserError(
                "an agent loop gave several outputs of one rollout; a caption is one, as of "
                "verl's single_turn_agent"
            )
        found = tq.kv_batch_get(
            keys=keys, partition_id=batch.partition_id, select_fields=["uid", "extra_fields"]
        )
        infos = [each.get("reward_extra_info", {}) for each in _listed(found["extra_fields"])]
        names = self._balcap.names
        matrix, ratio = told.scores_of(infos, _listed(found["uid"]), names)
        told.check_judges(infos, names, self._balcap.max_unscored)
        progress = progress_at(self.global_steps, self.total_training_steps)
        credit = self._balcap.rule(matrix, ratio, progress)
        metrics.update(_metrics(credit, matrix))
        advantages = np.zeros(len(real))
        advantages[real] = credit.advantage
        return advantages


def _listed(values: Any) -> list[Any]:
    """A field of the queue: a list, or a stack or array, by the queue's backend."""
    return list(values.tolist() if hasattr(values, "tolist") else values)


def _metrics(credit: Credit, matrix: RewardMatrix) -> dict[str, float]:
    """Some of `balcap.runs.metrics`, under the same names."""
    found = {
        "balcap/advantage/std": float(credit.advantage.std()),
        "balcap/advantage/gain": credit.gain,
        "balcap/gate/pass": float(credit.in_band.mean()),
    }
    for head, values, scored in zip(matrix.heads, matrix.values.T, matrix.scored.T, strict=True):
        found[f"balcap/reward/{head}/unscored"] = float(1 - scored.mean())
        if scored.any():
            found[f"balcap/reward/{head}/mean"] = float(values[scored].mean())
    return found
