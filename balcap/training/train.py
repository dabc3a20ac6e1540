"""`balcap train`: from settings and heads to a trained policy and a run folder that says it all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from balcap import distributed
from balcap.config import ResolvedTrainSettings, RolloutSettings, TrainSettings
from balcap.console import say
from balcap.data import Loaded, glance
from balcap.heads import Selected, dump
from balcap.policies import locate
from balcap.policies.origin import keep_origin
from balcap.runs import provenance
from balcap.runs.folder import RunFolder
from balcap.runs.lock import lock
from balcap.training.preflight import Plan, plan
from balcap.training.trainer_check import check_run_folder, check_trainer
from balcap.training.warnings import warnings_of

if TYPE_CHECKING:
    from balcap.training.grpo import CaptionTrainer

LISTED = 20  # unusable rows that are named one by one


def train(asked: TrainSettings, selected: Selected) -> int:
    """Train a policy.

    Args:
        asked: settings of the run; with `resume`, those of the run that goes on.
        selected: heads of the reward and of the evaluation.

    Returns:
        Exit code: 0; 130 after Ctrl-C, 143 after SIGTERM.

    Raises:
        UserError: before a model is loaded, if the settings do not fit together or to the data;
            during training, if a head fails.
        JudgeGoneError: if a judge was waited for in vain; a checkpoint is written.
        RunError: if the disk is full.
    """
    checked = plan(asked, selected)
    settings = checked.settings
    if distributed.is_first():
        _say_data(checked.loaded, settings.eval_samples)
        for warning in warnings_of(settings):
            say(f"warning: {warning}")
    if not settings.resume:
        check_run_folder(settings.run or RunFolder.new_path(""))
    check_trainer(
        settings, checked.origin, lambda small, folder: _small_trainer(checked, small, folder)
    )
    if settings.dry_run:
        from balcap.training.dry_run import dry_run

        distributed.at_leisure(lambda: dry_run(checked) if distributed.is_first() else None)
        return 0
    folder = _folder(settings, selected)
    held = lock(folder)
    if not settings.resume:
        checked = replace(checked, origin=keep_origin(folder, settings, checked.origin))
    if distributed.is_first():
        _say_other_processes(folder)
        prompts = glance.prompts(checked.loaded.train)
        provenance.record(folder, prompts, selected.evaluated, settings.rollout.ahead)
    from balcap.training.session import Session  # torch and trl take seconds to import

    session = Session(checked, folder)
    with held, session.stop:
        return 0 if session.run() else session.stop.exit_code


def _small_trainer(checked: Plan, settings: ResolvedTrainSettings, folder: Path) -> CaptionTrainer:
    """The trainer of other settings, with captions by transformers, as a run would make it."""
    from balcap.policies.loading import for_training
    from balcap.training.build import caption_trainer

    small = replace(
        checked,
        settings=replace(settings, rollout=RolloutSettings()),
        origin=locate(settings.policy),
    )
    policy = for_training(small.settings)
    return caption_trainer(small, policy, folder, on_rollouts=lambda *_: None)


def run_path(settings: TrainSettings) -> Path:
    """Where the run's folder is or will be, the same for all processes."""
    path = settings.resume or settings.run or RunFolder.new_path(Path(settings.policy).name)
    return distributed.everyones(path)[0]


def _folder(settings: TrainSettings, selected: Selected) -> RunFolder:
    """The run's folder; the first process makes it."""
    path = run_path(settings)
    folder = RunFolder(path)
    if distributed.is_first() and not settings.resume:
        folder.create(dump(replace(settings, run=path), selected))
    return folder


def _say_other_processes(folder: RunFolder) -> None:
    """Say if a run goes on with another number of processes than it last had."""
    starts = provenance.starts(folder)
    before = starts[-1].get("processes") if starts else None
    if before and before != distributed.count():
        say(
            f"the run had {before} process(es) and goes on with {distributed.count()}: each draws "
            "from random numbers of its own, so captions differ from those that the run would "
            "have had"
        )


def _say_data(loaded: Loaded, wanted: int) -> None:
    left_out = f", {len(loaded.problems):,} rows left out" if loaded.problems else ""
    say(
        f"data {loaded.source}: {len(loaded.train):,} training samples, "
        f"{len(loaded.held_out):,} held out{left_out}"
    )
    if wanted and not loaded.held_out:
        say("  none held out: all samples are of one image, which is on one side of the split")
    if loaded.same:
        say(f"  {loaded.same:,} images are another one under another name, and on its side")
    for problem in loaded.problems[:LISTED]:
        say(f"  {problem.file}:{problem.row}: {problem.reason}")
    if len(loaded.problems) > LISTED:
        say(f"  ... and {len(loaded.problems) - LISTED:,} more")
