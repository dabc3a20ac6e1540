"""Samples and attacks -> captions, scored, each beside the honest caption that it was made of."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from balcap.advantage.arrays import Bool, Float, Int
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.rule import AdvantageRule
from balcap.data import glance
from balcap.data.split import draw
from balcap.evaluation.probe.attacks import ATTACKS, Attack, Lacks, ramble
from balcap.evaluation.probe.honest import WHOLE, honest, opening
from balcap.heads import Head
from balcap.heads.lengths import Unit, ratios
from balcap.heads.scoring import Scored, score
from balcap.text import word_count
from balcap.types import Caption, HeadScore, Sample

HONEST, COMPANY = "honest", "company"


@dataclass(frozen=True, slots=True)
class Trial:
    """One caption of the probe.

    Attributes:
        sample: what it claims to describe.
        attack: name of the attack; `honest`; or `company`: further captions of the group that its
            advantage is taken in.
        made_of: the honest caption behind it, `whole` or `part`.
        text: the caption.
    """

    sample: Sample
    attack: str
    made_of: str
    text: str


@dataclass(frozen=True, eq=False)
class Tried:
    """N captions with their scores.

    Attributes:
        trials: the captions.
        matrix: what the heads said, [N, H]; the group is the sample.
        gated: the same after the gate.
        ratio: [N] length / length of the reference.
        reasons: [N][H]: why a cell has no score, or None.
        rule: from scores to advantages.
        left_out: for each attack that some samples cannot serve: how many, by the reason.
    """

    trials: tuple[Trial, ...]
    matrix: RewardMatrix
    gated: RewardMatrix
    ratio: Float
    reasons: tuple[tuple[str | None, ...], ...]
    rule: AdvantageRule
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def attacks(self) -> tuple[str, ...]:
        """Names of the attacks that any sample could serve, in their order."""
        names = dict.fromkeys(trial.attack for trial in self.trials)
        return tuple(name for name in names if name not in (HONEST, COMPANY))

    def rows(self, attack: str, made_of: str | None = None) -> Int:
        """Indices of the captions of an attack."""
        wanted = (
            i
            for i, trial in enumerate(self.trials)
            if trial.attack == attack and made_of in (None, trial.made_of)
        )
        return np.fromiter(wanted, dtype=np.int64)

    def originals(self, rows: Int) -> Int:
        """For each of some captions, the index of the honest one that it was made of."""
        place = {
            (trial.sample.id, trial.made_of): i
            for i, trial in enumerate(self.trials)
            if trial.attack == HONEST
        }
        pairs = ((self.trials[i].sample.id, self.trials[i].made_of) for i in rows)
        return np.array([place[pair] for pair in pairs], dtype=np.int64)

    @property
    def speaks(self) -> Bool:
        """[N, H] cells that the gate has left standing."""
        return self.gated.scored & self.gated.kept


def probed(samples: Sequence[Sample], count: int, seed: int) -> Sequence[Sample]:
    """The samples to attack: at most `count` of those with a reference."""
    with_reference = glance.referenced(samples)
    return glance.chosen(with_reference, draw([*glance.ids(with_reference)], count, seed))


def attacks_of(names: Sequence[str], longest: int | None) -> dict[str, Attack]:
    """The attacks of these names, or all; a ramble stops at `longest` words."""
    chosen = {name: ATTACKS[name] for name in ATTACKS if not names or name in names}
    if "ramble" in chosen:
        chosen["ramble"] = partial(ramble, longest=longest)
    return chosen


def write(
    samples: Sequence[Sample], attacks: Mapping[str, Attack], seed: int
) -> tuple[list[Trial], dict[str, Counter[str]]]:
    """Write every caption of the probe.

    A caption depends on the seed, the attack, and the samples, and on nothing else.

    Returns:
        The captions: the honest ones, their company, then attack by attack; and for each attack
        how many honest captions could not serve it, by the reason.
    """
    trials = [
        Trial(sample, HONEST, made_of, text)
        for sample in samples
        for made_of, text in honest(sample).items()
    ]
    originals = list(trials)
    trials += _company(samples, seed)
    left_out: dict[str, Counter[str]] = {}
    for name, attack in attacks.items():
        for one in originals:
            rng = random.Random(f"{seed}\0{name}\0{one.sample.id}\0{one.made_of}")
            others = [other for other in samples if other.id != one.sample.id]
            text = attack(one.text, one.sample, others, rng)
            if text == one.text:
                text = Lacks("it would change nothing")
            if isinstance(text, Lacks):
                left_out.setdefault(name, Counter())[text.reason] += 1
            else:
                trials.append(Trial(one.sample, name, one.made_of, text))
    return trials, left_out


def _company(samples: Sequence[Sample], seed: int) -> Iterator[Trial]:
    """A caption that is honest and too short, and one that is another image's."""
    for sample in samples:
        yield Trial(sample, COMPANY, WHOLE, opening(sample))
        others = [other.reference for other in samples if other.id != sample.id]
        if others:
            rng = random.Random(f"{seed}\0{sample.id}")
            yield Trial(sample, COMPANY, WHOLE, rng.choice(others) or "")


def score_all(
    trials: Sequence[Trial], heads: Sequence[Head[Any]], watch: Callable[[str], None]
) -> Scored:
    """Let the heads score every caption, attack by attack.

    Args:
        trials: the captions; those of an attack stand together.
        heads: H heads.
        watch: called with each attack's name before it is scored.
    """
    cells: list[tuple[HeadScore, ...]] = []
    for name, together in groupby(trials, lambda trial: trial.attack):
        watch(name)
        cells += score(heads, [Caption(trial.sample, trial.text) for trial in together]).cells
    number = {name: i for i, name in enumerate({trial.sample.id: None for trial in trials})}
    return Scored.of(
        [head.name for head in heads], cells, [number[trial.sample.id] for trial in trials]
    )


def weigh(
    trials: Sequence[Trial],
    scored: Scored,
    rule: AdvantageRule,
    unit: Unit,
    left_out: Mapping[str, Mapping[str, int]],
) -> Tried:
    """Let the gate of a rule act on the scores.

    Args:
        trials: N captions.
        scored: what the heads say of them.
        rule: from scores to advantages.
        unit: of the gate's lengths; not tokens.
        left_out: of `write`.
    """
    captions = [Caption(trial.sample, trial.text) for trial in trials]
    ratio = ratios(captions, unit, word_count)
    gated = rule.gate_scores(scored.matrix, ratio)
    return Tried(tuple(trials), scored.matrix, gated, ratio, scored.reasons, rule, left_out)
