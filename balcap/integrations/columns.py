"""From an engine's batch, columns by name, to one column of scores: a head's, after the gate."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.rule import AdvantageRule
from balcap.config import RewardSettings
from balcap.data.questions import read_questions
from balcap.errors import UserError
from balcap.heads import Head
from balcap.heads.lengths import Unit, ratios
from balcap.heads.scoring import score
from balcap.types import Caption, Sample


def opened(image: Any) -> Any:
    """A PIL image of the forms that engines have: opened, a path, or a mapping of bytes or path.

    Raises:
        OSError: if it cannot be read.
    """
    from PIL import Image

    if isinstance(image, Mapping):
        image = io.BytesIO(image["bytes"]) if image.get("bytes") else image["path"]
    return Image.open(image) if isinstance(image, str | io.BytesIO) else image


def sample_of(row: Mapping[str, Any]) -> Sample:
    """The sample of a row: its `id`, and its `image` (or the first of its `images`), `reference`,
    `facts` and `questions` where it has them. Every other column becomes metadata.

    Raises:
        UserError: if the row has no `id`: captions are scored once for each id and text.
        BadRowError: if its questions cannot be read.
    """
    known = dict(row)
    name = known.pop("id", None)
    if name is None:
        raise UserError(
            "the data set has no column 'id', by which balcap tells samples apart; it has "
            f"{', '.join(sorted(row)) or 'no columns'}. Add one: dataset.add_column('id', names)"
        )
    several = known.pop("images", None) or [None]  # the other name; a caption is of one image
    image = known.pop("image", None) or several[0]
    return Sample(
        id=str(name),
        prompt="",  # no head reads it
        image=image,
        reference=known.pop("reference", None),
        facts=tuple(known.pop("facts", None) or ()),
        questions=read_questions(known.pop("questions", None) or []),
        metadata=known,
    )


def captions_of(
    texts: Sequence[str], batch: Mapping[str, Any], leave_out: Collection[str]
) -> list[Caption]:
    """One caption a text, of the sample in the same row of the batch's columns [N].

    Args:
        texts: [N]; white space around them is not scored.
        batch: columns by name, and what else the engine gives beside them.
        leave_out: names in `batch` that are no columns of the data set.

    Raises:
        UserError, BadRowError: as `sample_of`.
    """
    names = [name for name in batch if name not in leave_out]
    rows = [{name: batch[name][i] for name in names} for i in range(len(texts))]
    return [Caption(sample_of(row), text.strip()) for row, text in zip(rows, texts, strict=True)]


def rule_within(
    settings: RewardSettings, weights: Mapping[str, float], engine: str, has: Collection[str]
) -> AdvantageRule:
    """The rule of the settings, in an engine that has these normalisers only.

    Raises:
        UserError: if the settings ask for another one.
    """
    rule = AdvantageRule.of(settings, weights)
    if rule.normalizer.name not in has:
        raise UserError(
            f"normalizer is {settings.normalizer!r}, which {engine} does not have; choose "
            f"{', '.join(has)}, or train with balcap train"
        )
    return rule


@dataclass(frozen=True)
class HeadColumn:
    """One head with the part of the rule that needs no other caption: the gate.

    Attributes:
        head: whose scores.
        rule: gate, gated heads and band; weights and normaliser are the engine's part.
        unit: what lengths are counted in.
    """

    head: Head[Any]
    rule: AdvantageRule
    unit: Unit

    def __call__(self, captions: Sequence[Caption]) -> list[float | None]:
        """Score N captions: [N], None where the head or the gate leaves no score."""
        matrix = score([self.head], captions).matrix
        if self.head.name in self.rule.gated:
            matrix = self._gated(matrix, captions)
        cells = zip(matrix.values[:, 0].tolist(), matrix.scored[:, 0].tolist(), strict=True)
        return [value if scored else None for value, scored in cells]

    def _gated(self, matrix: RewardMatrix, captions: Sequence[Caption]) -> RewardMatrix:
        rule = AdvantageRule(
            self.rule.normalizer,
            {self.head.name: 1.0},
            self.rule.gate,
            (self.head.name,),
            self.rule.band,
        )
        return rule.gate_scores(matrix, ratios(captions, self.unit, _no_tokens))


def columns_of(heads: Sequence[Head[Any]], rule: AdvantageRule, unit: Unit) -> list[HeadColumn]:
    """One column a head.

    Raises:
        UserError: if the gate acts after normalisation, which is the engine's, or lengths are
            counted in tokens of a tokenizer that is the engine's.
    """
    refuse_tokens(rule, unit)
    if rule.needs_reference and _acts_after_normalising(rule, heads[0].name):
        raise UserError(
            f"gate is {rule.gate.name!r}, which changes scores after they are normalised, and "
            "the engine normalises them; choose zero, exclude, penalty or none"
        )
    return [HeadColumn(head, rule, unit) for head in heads]


def refuse_tokens(rule: AdvantageRule, unit: Unit) -> None:
    """Raise UserError if a gate compares lengths in tokens of a tokenizer that is the engine's."""
    if rule.needs_reference and unit == "tokens":
        raise UserError(
            "length_unit is tokens, and the tokenizer is the engine's; choose words or chars"
        )


def _acts_after_normalising(rule: AdvantageRule, head: str) -> bool:
    """Tried on two captions, one of them far out of the band."""
    probe = RewardMatrix(
        np.ones((2, 1)), np.ones((2, 1), dtype=np.bool_), np.zeros(2, int), (head,)
    )
    alone = AdvantageRule(rule.normalizer, {head: 1.0}, rule.gate, (head,), rule.band)
    return not bool(alone.gate_scores(probe, np.array([1.0, 1e6])).kept.all())


def _no_tokens(_: str) -> int:
    raise AssertionError("lengths in tokens are refused by columns_of")
