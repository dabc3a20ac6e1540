"""Can this training start? Everything that can be known before a model is loaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from balcap import distributed
from balcap.advantage.rule import AdvantageRule
from balcap.config import ResolvedTrainSettings, TrainSettings
from balcap.console import say
from balcap.data import Loaded, check_requirements, glance, load
from balcap.data.requirements import has
from balcap.errors import UserError
from balcap.heads import Head, Selected
from balcap.heads.judge_wait import judge_of
from balcap.heads.scoring import Scored, score
from balcap.policies import Located, quantized
from balcap.policies.adapters import continued
from balcap.policies.context import context_of
from balcap.policies.origin import find_origin
from balcap.runs.changes import balanced_heads
from balcap.runs.folder import RunFolder
from balcap.runs.trackers import check_installed
from balcap.training.engine_check import check_ahead, check_chunks, check_engine, check_length
from balcap.training.trl_args import micro_batch
from balcap.types import Caption, Sample

TOKENS_A_WORD = 8  # ours: about five times a reference's length, well past the gate's band
LEAST_TOKENS = 64
SMOKE_TEST_CAPTIONS = 4  # reference captions that every head scores before the policy is loaded


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training will do, checked.

    Attributes:
        settings: resolved, the default batch lowered where the data has too few samples for it.
        origin: where the policy is that the training begins with, or began with.
        loaded: training and held-out samples.
        rule: gate, normaliser and weights.
        trained: heads of the reward.
        evaluated: heads of the evaluation: the trained ones, and those that the data can serve.
        balanced: names of the heads that the harmonic mean is made of.
    """

    settings: ResolvedTrainSettings
    origin: Located
    loaded: Loaded
    rule: AdvantageRule
    trained: tuple[Head[Any], ...]
    evaluated: tuple[Head[Any], ...]
    balanced: tuple[str, ...]


def plan(asked: TrainSettings, selected: Selected) -> Plan:
    """Check settings against policy, data and heads.

    Raises:
        UserError: naming the first thing that does not fit.
    """
    rule = AdvantageRule.of(asked, selected.weights)
    origin = find_origin(asked, RunFolder(asked.resume) if asked.resume else None)
    if not asked.resume:
        asked = continued(asked, origin)
    quantized.check(asked, asked.rollout.engine)
    check_engine(asked.rollout, distributed.count())
    check_ahead(asked.resolved())
    _check_iterations(asked.resolved())
    check_installed(asked.trackers)
    if asked.batch is not None:
        micro_batch(asked.resolved(), distributed.count())
    loaded = load(asked, asked.seed)
    loaded = _shown(loaded, origin, _with_length(asked.resolved(), asked, loaded.train))
    settings = _fitted(asked, loaded.train)
    check_length(settings)
    check_chunks(settings, distributed.count())
    samples = loaded.train
    check_requirements(samples, {head.name: head.requires for head in selected.trained})
    if rule.needs_reference and not any(has(sample, "reference") for sample in samples):
        raise UserError(
            f"the length gate compares captions with references; 0 of {len(samples):,} samples "
            "have one: give the data captions, or turn the gate off with --gate none"
        )
    evaluated = tuple(
        head
        for head in selected.evaluated
        if head in selected.trained or _serves(loaded.held_out, head)
    )
    smoke_test(evaluated, samples)
    return Plan(
        settings,
        origin,
        loaded,
        rule,
        selected.trained,
        evaluated,
        balanced_heads([head.name for head in evaluated], settings.eval_rewards),
    )


def _shown(loaded: Loaded, origin: Located, settings: ResolvedTrainSettings) -> Loaded:
    """The data without images that the policy's processor would refuse, or that do not fit into its
    context, by their headers.

    Raises:
        UserError: if those are more than `max_bad` of the samples.
    """
    if settings.check_images == "exists":
        return loaded
    if next(filter(None, glance.sizes(loaded.train)), None) is None:
        return loaded
    rollout = settings.rollout
    longest = rollout.max_length if rollout.engine == "vllm-colocate" else None
    context = context_of(settings, origin, longest)

    @cache
    def fault_of(size: tuple[int, int], prompt: str) -> str:
        fault = origin.family.fault_of(*size)
        return fault or context.fault_of(size, prompt, settings.max_tokens)

    refused: dict[str, str] = {}
    shown = []
    for samples in (loaded.train, loaded.held_out):
        faults = {
            place: fault
            for place, (size, prompt) in enumerate(
                zip(glance.sizes(samples), glance.prompts(samples), strict=True)
            )
            if size and (fault := fault_of(size, prompt))
        }
        refused |= {samples[place].id: fault for place, fault in faults.items()}
        good = [place for place in range(len(samples)) if place not in faults]
        shown.append(glance.chosen(samples, good) if faults else samples)
    if not refused:
        return loaded
    total = len(loaded.train) + len(loaded.held_out)
    name, fault = next(iter(refused.items()))
    told = f"{len(refused):,} of {total:,} images cannot be shown to the policy"
    if len(refused) > settings.max_bad * total:
        raise UserError(
            f"{told} (max_bad allows {settings.max_bad:.1%}), such as that of sample {name!r}: "
            f"{fault}; crop them, or leave them out with a larger --max-bad"
        )
    if distributed.is_first():
        say(f"{told} and are left out, such as that of sample {name!r}: {fault}")
    return replace(loaded, train=shown[0], held_out=shown[1])


def _check_iterations(settings: ResolvedTrainSettings) -> None:
    iterations = int(settings.trl.get("num_iterations", 1))
    if settings.save_every % iterations:
        raise UserError(
            f"save_every is {settings.save_every} and trl.num_iterations {iterations}; checkpoints "
            f"lie between two batches of rollouts, so save_every must be a multiple of {iterations}"
        )


def _fitted(settings: TrainSettings, samples: Sequence[Sample]) -> ResolvedTrainSettings:
    """Resolve settings, with defaults no larger than the data has use for."""
    return _with_batch(settings, _with_length(settings.resolved(), settings, samples), len(samples))


def _with_length(
    resolved: ResolvedTrainSettings, settings: TrainSettings, samples: Sequence[Sample]
) -> ResolvedTrainSettings:
    """A default longest caption that is several times the longest reference, and not more."""
    if settings.max_tokens is not None or not (longest := glance.longest_reference(samples)):
        return resolved
    enough = max(LEAST_TOKENS, TOKENS_A_WORD * longest)
    return replace(resolved, max_tokens=min(resolved.max_tokens, enough))


def _with_batch(
    settings: TrainSettings, resolved: ResolvedTrainSettings, samples: int
) -> ResolvedTrainSettings:
    """A default batch that has a sample for each of its groups."""
    most = samples * settings.group_size
    if resolved.batch > most:
        if settings.batch is not None:
            groups = resolved.batch // settings.group_size
            raise UserError(
                f"{samples} training samples are fewer than the {groups} that one batch of "
                f"{resolved.batch} captions needs; lower --batch to at most {most}"
            )
        step = math.lcm(settings.group_size, distributed.count())
        resolved = replace(resolved, batch=max(step, most // step * step))
    micro_batch(resolved, distributed.count())
    return resolved


def smoke_test(heads: Sequence[Head[Any]], samples: Sequence[Sample]) -> None:
    """Let every head score a few references, so that one that cannot work says so at once.

    Of several processes the first one alone asks judges, which cost time and money; the other heads
    are tried by each, as their models and programs may be missing on one machine of many.

    Raises:
        UserError, RunError: as a head raises it, or if a head's judge gives no score at all; in
            every process alike.
    """
    few = [Caption(s, s.reference or "A picture.") for s in samples[:SMOKE_TEST_CAPTIONS]]
    mine = [head for head in heads if distributed.is_first() or not head.uses_judge]
    distributed.at_leisure(lambda: _check_judges(mine, score(mine, few)))


def _check_judges(heads: Sequence[Head[Any]], scored: Scored) -> None:
    for head in heads:
        unscored = scored.unscored(head.name)
        failed = [cell for cell in unscored if cell.cause != "data"]
        if not failed or len(unscored) < len(scored.cells):
            continue
        option = head.server_option
        mend = f"{'start it, or ' if option.endswith(('.url', '.server')) else ''}change {option}"
        if failed[0].cause == "answer":
            mend = f"ask another {head.judge_option('model')}"
        raise UserError(
            f"reward head {head.name!r} gets no score from {judge_of(head)}, not for one of "
            f"{len(scored.cells)} references: {failed[0].reason}; {mend}"
        )


def _serves(samples: Sequence[Sample], head: Head[Any]) -> bool:
    try:
        check_requirements(samples, {head.name: head.requires})
    except UserError:
        return False
    return bool(samples)
