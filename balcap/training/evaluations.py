"""What a run says of its held-out set: before, during and after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import TrainerCallback

from balcap import distributed
from balcap.config import ResolvedTrainSettings
from balcap.console import number, say
from balcap.policies.generation import Sampling
from balcap.runs.folder import RunFolder
from balcap.runs.trackers import Trackers
from balcap.runs.trackers.tracker import chosen
from balcap.training.before_after import HeldOut
from balcap.training.callbacks import Recorder
from balcap.training.grpo import CaptionTrainer
from balcap.types import Caption


class Evaluations(TrainerCallback):  # type: ignore[misc]  # transformers' base is untyped here
    """Evaluates when it is told to, and as a callback captions a few samples every so many steps.

    The latter captions are greedy: they draw no random number, and the training stays as it is.

    Args:
        settings: of the run.
        folder: of the run; the first process writes there.
        trainer: whose policy writes; every process takes part.
        held_out: the samples and the heads.
        recorder: says why captions have no score.
        trackers: get tables of captions.
    """

    def __init__(
        self,
        settings: ResolvedTrainSettings,
        folder: RunFolder,
        trainer: CaptionTrainer,
        held_out: HeldOut,
        recorder: Recorder,
        trackers: Trackers,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.trainer = trainer
        self.held_out = held_out
        self.recorder = recorder
        self.trackers = trackers
        self.few = held_out.of([held_out.samples[i] for i in chosen(len(held_out.samples))])

    def known(self, when: str) -> bool:
        """Whether a run that goes on already has an evaluation, both of its sides."""
        kept = self.folder.read_json(self.folder.summary)
        return self.settings.resume is not None and {when, f"{when}_greedy"} <= set(kept)

    def evaluate(self, when: str) -> None:
        """Caption and judge the held-out set, sampled and greedily; write both down.

        Raises:
            UserError, JudgeGoneError, StoppedWaitingError: as `HeldOut.evaluate`.
        """
        if not self.held_out.samples:
            return
        for side, greedy in ((when, False), (f"{when}_greedy", True)):
            with self.trainer.writer() as policy:
                judged = self.held_out.evaluate(policy, Sampling.of(self.settings, greedy=greedy))
            if not distributed.is_first():
                continue
            self._keep(side, judged.summary, judged.rows())
            self.recorder.note_reasons(f"{when} training", judged.reasons)
            if not greedy:
                self._track(when, judged.captions, judged.rows())
                heads = [head.name for head in self.held_out.heads]
                means = "  ".join(f"{name} {number(judged.summary[name])}" for name in heads)
                say(f"{when} training: {means}")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Caption the few samples, if it is time."""
        every = self.settings.captions_every
        if not every or state.global_step % every or not self.few.samples:
            return
        with self.trainer.writer() as policy:
            captions = self.few.captions(policy, Sampling.of(self.settings, greedy=True))
        if distributed.is_first():
            rows = [{"sample": c.sample.id, "caption": c.text, "scores": {}} for c in captions]
            self.folder.add_json(self.folder.captions_during, {str(state.global_step): rows})
            self._track("during", captions, rows)

    def _keep(self, side: str, summary: Mapping[str, Any], rows: list[dict[str, Any]]) -> None:
        self.folder.add_json(self.folder.summary, {side: summary})
        sides = self.folder.add_json(self.folder.captions, {side: rows})
        for other, (means, kept) in self.held_out.over_the_same(sides).items():
            self.folder.add_json(self.folder.summary, {other: means})
            self.folder.add_json(self.folder.captions, {other: kept})

    def _track(
        self, side: str, captions: Sequence[Caption], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        step = int(self.trainer.state.global_step)
        self.trackers.captions(side, step, [caption.sample for caption in captions], rows)
