"""One training in this process: evaluate, train, evaluate again, write down what came of it."""

from __future__ import annotations

import time
from typing import Any

from transformers import set_seed

from balcap import distributed
from balcap.analysis.curves import draw
from balcap.console import say
from balcap.errors import JudgeGoneError, RunError, UserError
from balcap.heads.judge_wait import JudgeWait, StoppedWaitingError
from balcap.logging import quiet, without_bars
from balcap.policies.adapters import restore
from balcap.policies.loading import for_training
from balcap.policies.threads import continue_threads, keep_threads
from balcap.policies.trained import check_trained, in_words, trained_parameters
from balcap.runs.changes import with_changes
from balcap.runs.folder import RunFolder
from balcap.runs.rollouts import Rollouts
from balcap.runs.summary_text import say_closing
from balcap.runs.trackers import Trackers
from balcap.training.before_after import HeldOut
from balcap.training.build import caption_trainer
from balcap.training.callbacks import Recorder
from balcap.training.dead_steps import StopWithoutAdvantage
from balcap.training.divergence import NOT_A_DISTRIBUTION, DivergedError, StopAtDivergence
from balcap.training.evaluations import Evaluations
from balcap.training.grpo import CaptionTrainer
from balcap.training.held_out import Band
from balcap.training.judge_account import account
from balcap.training.preflight import Plan
from balcap.training.progress import Progress
from balcap.training.signals import StopOnSignal


class Session:
    """A checked plan with its policy loaded.

    Args:
        plan: what was checked before the policy was loaded.
        folder: of the run, already made.
    """

    def __init__(self, plan: Plan, folder: RunFolder) -> None:
        self.settings = settings = plan.settings
        self.plan = plan
        self.folder = folder
        self.stop = StopOnSignal(every=int(settings.trl.get("num_iterations", 1)))
        self.trackers = Trackers(settings.trackers)
        self.state = distributed.state()
        self.train_seconds = 0.0
        self.checkpoint = folder.newest_checkpoint() if settings.resume else None
        self.resumed_at = folder.last_step() if settings.resume else 0
        trained = [head.name for head in plan.trained]
        self.progress = Progress(settings.steps, self.resumed_at, trained)
        self.judge_wait = JudgeWait(
            max_unscored=settings.max_unscored,
            seconds=settings.judge_wait,
            resume=f"balcap train --resume {folder.path}",
            tell=self.progress.note if self.leads else lambda line: None,
            stopped=lambda: self.stop.asked,
        )
        self.recorder = Recorder(*self._records(), self.trackers)
        self.divergence = StopAtDivergence(lambda: self.recorder.newest)
        self.dead_steps = StopWithoutAdvantage(settings.max_dead_steps)
        self.trainer = self._trainer()
        self.held_out = HeldOut(
            plan.loaded.held_out,
            plan.evaluated,
            plan.balanced,
            Band(
                settings.gate_low,
                settings.gate_high,
                settings.length_unit,
                self.trainer.count_tokens,
            ),
            self.judge_wait,
        )

        self.evaluations = Evaluations(
            settings, folder, self.trainer, self.held_out, self.recorder, self.trackers
        )
        self.trainer.add_callback(self.evaluations)

    @property
    def leads(self) -> bool:
        """Whether this process prints and writes."""
        return bool(self.state.is_main_process)

    @property
    def steps_done(self) -> int:
        """Updates of the policy so far, those before it was resumed included."""
        return max(self.resumed_at, int(self.trainer.state.global_step))

    def run(self) -> bool:
        """Evaluate, train, evaluate, and write down what came of it.

        Returns:
            Whether all of it was done; False if somebody asked to stop.

        Raises:
            UserError, RunError: what ended it early; a checkpoint of the last whole step, summary
                and curves are written first.
        """
        if self.leads:
            self.trackers.begin(self.folder, self.settings.wandb_project)
        whole = False
        try:
            whole = self._run_and_close()
        finally:
            self.trackers.end(exit_code=0 if whole else 1)
        return whole

    def _run_and_close(self) -> bool:
        start = time.monotonic()
        if self.leads:
            say(f"run {self.folder.path}: policy {self.settings.policy}")
        failure: UserError | RunError | None = None
        try:
            self._evaluate_and_train()
        except StoppedWaitingError:
            self.stop.asked = True  # also where the signal reached another process
        except (UserError, RunError) as error:
            failure = error
        done = self.steps_done >= self.progress.steps
        whole = done and failure is None and not self.stop.asked
        if self.leads:
            summary = self._close(time.monotonic() - start, whole=whole)
            if failure is None:
                say_closing(self.folder, summary, [head.name for head in self.held_out.heads])
        if failure is not None:
            raise failure
        return whole

    def _evaluate_and_train(self) -> None:
        try:
            if not self.evaluations.known("before"):
                self.evaluations.evaluate("before")
            if not self.stop.agree() and self.resumed_at < self.progress.steps:
                self._train()  # transformers would do one step more than all of them
            if not self.stop.agree() and self.steps_done >= self.progress.steps:
                self.evaluations.evaluate("after")
        except RuntimeError as error:
            if NOT_A_DISTRIBUTION not in str(error):
                raise
            raise self._diverged_policy() from error

    def _diverged_policy(self) -> DivergedError:
        """The error of weights that no caption can be drawn from. A checkpoint of theirs is put
        out of the way, so that the newest one is good."""
        newest = self.folder.newest_checkpoint()
        if self.leads and newest and self.folder.last_step() == self.steps_done:
            newest.rename(newest.with_name(f"diverged-{newest.name}"))
        return DivergedError(
            f"the policy diverged: after step {self.steps_done} its next-token probabilities are "
            f"not finite; {self.divergence.facts(self.settings.lr)}. {self._way_back()}"
        )

    def _records(self) -> tuple[RunFolder | None, Progress | None]:
        return (self.folder, self.progress) if self.leads else (None, None)

    def _trainer(self) -> CaptionTrainer:
        settings = self.settings
        quiet()
        set_seed(settings.seed)  # before any weight is drawn (huggingface/trl#6688)
        policy = for_training(settings, self.plan.origin, self.checkpoint)
        if settings.resume:
            continue_threads(self.folder)
        if self.leads:
            keep_threads(self.folder)
        trainer = caption_trainer(
            self.plan,
            policy,
            self.folder.checkpoints,
            on_rollouts=self._keep_rollouts,
            judge_wait=self.judge_wait,
            callbacks=[self.recorder, self.divergence, self.dead_steps, self.stop],
        )
        if self.checkpoint and settings.lora.rank:
            restore(trainer.model, self.checkpoint)
        counts = trained_parameters(trainer.model, policy.family)
        check_trained(counts, settings)
        if self.leads:
            say(in_words(counts, settings))
        if settings.rollout.engine != "hf":
            from balcap.policies.vllm import prepare

            prepare(trainer, policy, self.plan.loaded.train[0])
        return trainer

    def _train(self) -> None:
        if self.settings.resume and self.leads:
            self.folder.rewind(self.resumed_at)
            say(f"continuing after step {self.resumed_at}")
        checkpoint = str(self.checkpoint) if self.checkpoint else None
        self.progress.begin()
        start = time.monotonic()
        try:
            with without_bars(str(self.folder.path)):
                self._train_or_save(checkpoint)
        finally:
            self.train_seconds = time.monotonic() - start
            if self.leads:
                self.progress.close()

    def _train_or_save(self, checkpoint: str | None) -> None:
        try:
            self.trainer.train(resume_from_checkpoint=checkpoint)
        except DivergedError as error:
            raise DivergedError(f"{error}. {self._way_back()}") from error
        except (UserError, JudgeGoneError, StoppedWaitingError):
            self.trainer.save_now()  # no scores, no step: what was learned so far stays
            raise
        except RunError:
            raise  # the disk is full: there is no room for a checkpoint either
        except Exception as error:
            # of several processes only this one may have failed, and saving needs all of them
            if self.state.num_processes == 1 and NOT_A_DISTRIBUTION not in str(error):
                self.trainer.save_now()
            raise

    def _way_back(self) -> str:
        newest = self.folder.newest_checkpoint()
        if newest is None:
            return "There is no checkpoint from before; start again with a smaller --lr"
        return (
            f"The newest checkpoint is good: {newest}; go on from it with a smaller learning rate "
            f"in a new run (balcap train --policy {newest} --lr ...)"
        )

    def _keep_rollouts(self, step: int, rollouts: Rollouts, seconds: dict[str, float]) -> None:
        self.recorder.keep(step, rollouts, seconds, len(self.trainer.images.bad))
        self.dead_steps.keep(rollouts)

    def _close(self, seconds: float, *, whole: bool) -> dict[str, Any]:
        """Write summary and curves; returns the summary. Seconds count from the first evaluation
        on."""
        earlier = self.folder.read_json(self.folder.summary)
        captions = self.folder.read_json(self.folder.captions)
        balanced = self.held_out.balanced
        summary = self.folder.add_json(
            self.folder.summary,
            {
                "steps": self.steps_done,
                "seconds": round(seconds, 1),
                "train_seconds": round(self.train_seconds, 1),
                "interrupted": not whole,
                "bad_images": len(self.trainer.images.bad),
                "updates_behind": self.settings.rollout.ahead,
                "harmonic_mean_of": list(balanced),
                **with_changes({}, captions, balanced),
                **account(self.held_out.heads, self.judge_wait.spent, earlier),
            },
        )
        self.trackers.summary(summary)
        rows = self.folder.read_metrics()
        if rows:
            band = (self.settings.gate_low, self.settings.gate_high)
            with self.folder.whole(self.folder.curves) as file:
                draw(rows, [head.name for head in self.plan.trained], band, file)
        return summary
