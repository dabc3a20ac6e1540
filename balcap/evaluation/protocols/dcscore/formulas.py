"""From matches and verdicts of a caption's facts to F1: the arithmetic of DCScore.

DCScore (arXiv 2503.07906) with P the facts of a caption, O those of the reference, v(p) whether a
fact is right, and M(o) all facts that are matched to o, the wrong ones too:

    precision = #{p: v(p)} / |P|
    extra     = #{p: v(p), matched to nothing}
    recall    = (sum over {p: v(p), matched to o} of 1 / |M(o)|  +  extra) / (|O| + extra)
    F1        = 2 precision recall / (precision + recall + 1e-8)

A fact that is said twice shares the weight of what it is matched to, with wrong ones too; right
facts that the reference lacks raise recall, never to more than 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

EPSILON = 1e-8

Matches = Sequence[int | None]
"""For each fact of the caption the number of the reference's fact that it says; None for none."""


@dataclass(frozen=True)
class Accuracy:
    """Of some facts; each in [0, 1]."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Trial:
    """One matching with one verification: of all facts, and of the relevant ones alone."""

    all: Accuracy
    relevant: Accuracy


def trial(
    relevant: Sequence[bool],
    matches: Matches,
    right: Sequence[bool],
    oracle: int,
    *,
    strict_compat: bool = False,
) -> Trial:
    """Score one matching with one verification.

    Args:
        relevant: of P facts, whether each describes the image.
        matches: of P facts.
        right: of P facts.
        oracle: number of the reference's facts, at least 1; all of them are relevant.
        strict_compat: the published program gives relevant facts the weights 1 / |M(o)| that they
            have among all facts. Without this, M(o) has the relevant ones only.
    """
    weights = shares(matches)
    kept = [p for p, keep in enumerate(relevant) if keep]
    inside = [matches[p] for p in kept]
    return Trial(
        accuracy(matches, right, weights, oracle),
        accuracy(
            inside,
            [right[p] for p in kept],
            [weights[p] for p in kept] if strict_compat else shares(inside),
            oracle,
        ),
    )


def as_published(
    texts: Sequence[str], relevant: Sequence[bool], matches: Matches
) -> tuple[list[bool], list[int | None]]:
    """Relevance and matches as the published program knows them: by a fact's text.

    Of a fact that is stated twice every copy has the last one's match, and is relevant if any is.

    Args:
        texts: of P facts.
        relevant: of P facts.
        matches: of P facts.
    """
    kept = {text for text, keep in zip(texts, relevant, strict=True) if keep}
    last = dict(zip(texts, matches, strict=True))
    return [text in kept for text in texts], [last[text] for text in texts]


def shares(matches: Matches) -> list[float]:
    """1 / |M(o)| for each fact that is matched to an o; 0 for the others."""
    counts = Counter(matches)
    return [0.0 if match is None else 1 / counts[match] for match in matches]


def accuracy(
    matches: Matches, right: Sequence[bool], weights: Sequence[float], oracle: int
) -> Accuracy:
    """Precision, recall and F1 of facts; all 0 where there are none."""
    extra = sum(v and match is None for match, v in zip(matches, right, strict=True))
    covered = sum(weight for weight, v in zip(weights, right, strict=True) if v)
    precision = sum(right) / len(right) if right else 0.0
    recall = (covered + extra) / (oracle + extra)
    return Accuracy(precision, recall, 2 * precision * recall / (precision + recall + EPSILON))
