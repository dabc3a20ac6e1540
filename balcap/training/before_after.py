"""The policy's own captions of the held-out set: written by all processes, judged by the heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from balcap import distributed
from balcap.console import say
from balcap.errors import UserError
from balcap.heads import Head
from balcap.heads.judge_wait import JudgeWait
from balcap.heads.scoring import Scored
from balcap.policies import Policy
from balcap.policies.generation import Sampling, write_captions
from balcap.training.held_out import Band, Judged, judge, measures_of, summarize
from balcap.training.image_reader import unreadable
from balcap.types import Caption, Sample


@dataclass(frozen=True)
class HeldOut:
    """A fixed set of samples, and how captions of it are written and judged.

    Attributes:
        samples: the held-out samples; may be empty.
        heads: every head to report.
        balanced: names of the heads that the harmonic mean is made of.
        band: of the gate rate.
        judge_wait: with judges.
    """

    samples: Sequence[Sample]
    heads: Sequence[Head[Any]]
    balanced: Sequence[str]
    band: Band
    judge_wait: JudgeWait

    def evaluate(self, policy: Policy, sampling: Sampling) -> Judged:
        """Caption every sample once, and judge. Every process takes part and gets the answer.

        Raises:
            UserError: as `captions`.
            JudgeGoneError, StoppedWaitingError: as `JudgeWait.score`.
        """
        captions = self.captions(policy, sampling)
        judged = judge(captions, self.heads, self.balanced, self.band, self._score_together)
        judged.summary["left_out"] = len(self.samples) - len(captions)
        return judged

    def captions(self, policy: Policy, sampling: Sampling) -> list[Caption]:
        """Caption every sample once, without judging. Every process takes part.

        Samples whose image cannot be used are left out.

        Raises:
            UserError: if that is all of them.
        """
        gone = self._unreadable(policy)
        samples = [sample for sample in self.samples if sample.id not in gone]
        if not samples:
            first = next(iter(gone.values()))
            raise UserError(f"no image of the held-out samples can be read any more ({first})")
        texts = write_together(policy, samples, sampling)
        return [Caption(s, text) for s, text in zip(samples, texts, strict=True)]

    def of(self, samples: Sequence[Sample]) -> HeldOut:
        """The same, of other samples."""
        return replace(self, samples=samples)

    def over_the_same(
        self, sides: Mapping[str, Sequence[Mapping[str, Any]]]
    ) -> dict[str, tuple[dict[str, Any], list[Mapping[str, Any]]]]:
        """Evaluations of which one lost samples that another has, over those that all have.

        Nothing is written or judged again: the means are taken of the scores that are kept.

        Args:
            sides: by evaluation, its rows as `Judged.rows` makes them.

        Returns:
            Summary and rows of each evaluation that had more samples than all have.
        """
        common = set.intersection(*({row["sample"] for row in rows} for rows in sides.values()))
        samples = {sample.id: sample for sample in self.samples}
        shorter = {}
        for side, rows in sides.items():
            kept = [row for row in rows if row["sample"] in common]
            if not kept or len(kept) == len(rows):
                continue
            captions = [Caption(samples[row["sample"]], row["caption"]) for row in kept]
            scores = {
                head.name: np.array([row["scores"][head.name] for row in kept], dtype=np.float64)
                for head in self.heads
            }
            measures = measures_of(captions, self.band)
            summary = summarize(scores, measures, self.balanced)
            shorter[side] = (summary | {"left_out": len(samples) - len(kept)}, kept)
        return shorter

    def _unreadable(self, policy: Policy) -> dict[str, str]:
        """Samples whose image some process cannot read, each with the reason; said by the first."""
        gone: dict[str, str] = {}
        for own in distributed.everyones(unreadable(self.samples, policy.family)):
            gone |= own
        if gone and distributed.is_first():
            name, reason = next(iter(gone.items()))
            say(
                f"{len(gone)} of {len(self.samples)} held-out samples are left out, as their "
                f"images cannot be used: {name!r} ({reason}); so are they from earlier evaluations"
            )
        return gone

    def _score_together(self, heads: Sequence[Head[Any]], captions: Sequence[Caption]) -> Scored:
        """Score captions, shared out over the processes: a judge is asked once for each."""
        state = distributed.state()
        mine = captions[state.process_index :: state.num_processes]
        scored = self.judge_wait.score(heads, mine)
        cells = distributed.in_turn(distributed.everyones(scored.cells), len(captions))
        return Scored.of([head.name for head in heads], cells, range(len(captions)))


def write_together(policy: Policy, samples: Sequence[Sample], sampling: Sampling) -> list[str]:
    """Captions of samples, in their order, shared out evenly over the processes.

    Equal shares, the last ones repeating a sample if need be: sharded weights can only be used by
    all processes at once.
    """
    state = distributed.state()
    share = -(-len(samples) // state.num_processes)
    mine = [
        samples[(state.process_index + turn * state.num_processes) % len(samples)]
        for turn in range(share)
    ]
    written = write_captions(policy, mine, sampling, synced=state.num_processes > 1)
    shares = distributed.everyones([caption.text for caption in written])
    return distributed.in_turn(shares, len(samples))
