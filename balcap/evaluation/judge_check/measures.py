"""How good are the answers of a judge? Pure functions of what it answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from balcap.errors import JudgeError, UnusableAnswerError
from balcap.evaluation.judge_check.asking import Asked
from balcap.heads.reading import LETTERS, AnyOutcome, Reading
from balcap.statistics import Interval, interval


@dataclass(frozen=True)
class Measured:
    """A mean over answers, with how sure it is.

    Attributes:
        value: the mean; None without any answer.
        interval: of 95%, samples drawn with all their questions; None with fewer than two.
    """

    value: float | None
    interval: Interval | None = None


@dataclass(frozen=True)
class Measures:
    """What is said of a judge. Shares are in [0, 1], of usable answers unless said otherwise.

    Attributes:
        accuracy: share in which the right option was chosen, with the caption.
        blind: the same of an empty description; abstaining is not right.
        chance: what guessing among the options gives.
        gain: mean over pairs of answers, one with the caption and one without, of what the right
            answer is worth with it minus without, in [-1, 1]. Worth is 0 or 1, or with `soft` and
            `gain` the right letter's probability.
        position_bias: half the sum over letters of |share picked - share where the right option
            stands|, both over the answers with the caption that pick an option: total variation, in
            [0, 1]; 0 for a judge that picks each letter as often as it is right, 1 - 1/k for one
            that always picks the same of k that are right equally often. None if none is picked.
        abstention: share of "cannot be told", with the caption.
        blind_abstention: the same without; the better, the higher, where it is offered.
        unusable: share of all answers, with the caption and without, that cannot be used.
        unanswered: share of all questions that got no answer.
        agreement: share of pairs of draws of a question, with the caption, that chose the same
            option, mean over questions with two usable draws; None without any.
        picked: by letter, how often it was picked with the caption, abstaining left out.
        right: by letter, how often the right option stood there, of the same answers.
        by_kind: accuracy with the caption for each kind of question.
    """

    accuracy: Measured
    blind: Measured
    chance: float
    gain: Measured
    position_bias: float | None
    abstention: float | None
    blind_abstention: float | None
    unusable: float
    unanswered: float
    agreement: float | None
    picked: dict[str, int]
    right: dict[str, int]
    by_kind: dict[str, float]


def measure(asked: Sequence[Asked]) -> Measures:
    """Measure the answers to at least one question."""
    seen = [(one.sample, answer) for one in asked for answer in usable(one.seen)]
    blind = [(one.sample, answer) for one in asked for answer in usable(one.blind)]
    pairs = [
        (one.sample, with_it.worth - without.worth)
        for one in asked
        for with_it, without in zip(one.seen, one.blind, strict=True)
        if isinstance(with_it, Reading) and isinstance(without, Reading)
    ]
    everything = [answer for one in asked for answer in (*one.seen, *one.blind)]
    chosen = [answer for _, answer in seen if not answer.abstained]
    picked = Counter(LETTERS[answer.place] for answer in chosen)
    right = Counter(LETTERS[answer.menu.right] for answer in chosen)
    unusable = sum(isinstance(one, UnusableAnswerError) for one in everything)
    failed = sum(isinstance(one, JudgeError) for one in everything) - unusable
    return Measures(
        accuracy=_measured([(sample, float(one.is_right)) for sample, one in seen]),
        blind=_measured([(sample, float(one.is_right)) for sample, one in blind]),
        chance=float(np.mean([1 / len(one.question.choices) for one in asked])),
        gain=_measured(pairs),
        position_bias=position_bias(picked, right),
        abstention=_share((one for _, one in seen), lambda one: one.abstained),
        blind_abstention=_share((one for _, one in blind), lambda one: one.abstained),
        unusable=unusable / len(everything),
        unanswered=failed / len(everything),
        agreement=agreement(asked),
        picked=dict(sorted(picked.items())),
        right=dict(sorted(right.items())),
        by_kind=_by_kind(asked),
    )


def usable(answers: Iterable[AnyOutcome]) -> list[Reading]:
    """Those that say something."""
    return [answer for answer in answers if isinstance(answer, Reading)]


def position_bias(picked: Counter[str], right: Counter[str]) -> float | None:
    """Total variation between two counts of the same answers, each as shares; see `Measures`."""
    total = picked.total()
    if not total:
        return None
    return sum(abs(picked[letter] - right[letter]) for letter in {*picked, *right}) / (2 * total)


def agreement(asked: Sequence[Asked]) -> float | None:
    """See `Measures`. Options are compared, not letters: these move on from draw to draw."""
    shares = []
    for one in asked:
        pairs = [*combinations([answer.said for answer in usable(one.seen)], 2)]
        if pairs:
            shares.append(sum(a == b for a, b in pairs) / len(pairs))
    return float(np.mean(shares)) if shares else None


def _by_kind(asked: Sequence[Asked]) -> dict[str, float]:
    kinds = dict.fromkeys(one.question.kind for one in asked)
    shares = {
        kind: _share(
            (answer for one in asked if one.question.kind == kind for answer in usable(one.seen)),
            lambda answer: answer.is_right,
        )
        for kind in kinds
        if kind
    }
    return {kind: share for kind, share in shares.items() if share is not None}


def _measured(values: Sequence[tuple[str, float]]) -> Measured:
    if not values:
        return Measured(None)
    numbers = np.array([[value] for _, value in values])
    names = [sample for sample, _ in values]
    return Measured(float(numbers.mean()), interval(numbers, names, lambda means: means[..., 0]))


def _share(answers: Iterable[Reading], holds: Callable[[Reading], bool]) -> float | None:
    found = [holds(one) for one in answers]
    return float(np.mean(found)) if found else None
