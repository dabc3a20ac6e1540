"""From a checked plan and its policy to the trainer that TRL runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from transformers import PrinterCallback, TrainerCallback

from balcap import distributed
from balcap.console import say
from balcap.heads.judge_wait import JudgeWait
from balcap.logging import quiet
from balcap.policies import Policy
from balcap.policies.adapters import new_adapters
from balcap.policies.image_memo import remember_images
from balcap.policies.loading import reference_pinned
from balcap.training.ahead import AheadTrainer
from balcap.training.grpo import CaptionTrainer, OnRollouts
from balcap.training.image_reader import ImageReader
from balcap.training.preflight import Plan
from balcap.training.trl_args import grpo_config


def caption_trainer(
    plan: Plan,
    policy: Policy,
    checkpoints: Path,
    *,
    on_rollouts: OnRollouts,
    judge_wait: JudgeWait | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> CaptionTrainer:
    """Make the trainer of a plan.

    Args:
        plan: checked settings, data and heads.
        policy: at its origin, to be trained.
        checkpoints: folder for them.
        on_rollouts: receives every batch of rollouts.
        judge_wait: how judges are waited for.
        callbacks: of the transformers trainer.
    """
    quiet()
    settings = plan.settings
    remember_images(policy.processor)
    kind = AheadTrainer if settings.rollout.ahead else CaptionTrainer
    with reference_pinned(policy, plan.origin):
        trainer = kind(
            policy=policy,
            samples=plan.loaded.train,
            heads=plan.trained,
            rule=plan.rule,
            length_unit=settings.length_unit,
            on_rollouts=on_rollouts,
            args=grpo_config(settings, checkpoints, distributed.count()),
            judge_wait=judge_wait,
            chunks=settings.rollout.chunks,
            images=ImageReader(
                plan.loaded.train,
                policy.family,
                settings.max_bad,
                say if distributed.is_first() else lambda line: None,
                lambda image: policy.processor.image_processor(images=[image], return_tensors="pt"),
            ),
            peft_config=new_adapters(settings, policy),
            callbacks=list(callbacks),
        )
    trainer.remove_callback(PrinterCallback)
    return trainer
