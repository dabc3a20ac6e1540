"""Scores as they are answered: the same numbers as `balcap score`, and no cell made up."""

from collections.abc import Sequence
from typing import Any

import pytest

from balcap.errors import HeadError, RunError
from balcap.heads import Head
from balcap.heads.scoring import score
from balcap.serving.items import ItemReader
from balcap.types import Caption, HeadScore, Score, Unscored
from helpers.heads import Brief, Letters, Picky
from helpers.serving import scorer_of

ITEMS = [
    {"caption": "three", "reference": "a b c"},
    {"caption": "a long caption of seven words here", "reference": "a b c"},
    {"caption": "even", "reference": "a b c"},
]


def rows(scorer: Any, items: Sequence[Any] = ITEMS) -> list[Any]:
    return scorer(ItemReader.of(None, looks=False).read(list(items)))


def test_the_scores_are_those_of_the_heads() -> None:
    heads = [Letters(), Brief()]
    found = rows(scorer_of(heads, {"letters": 2.0}))
    captions = [each.caption for each in ItemReader.of(None, looks=False).read(ITEMS)]
    values = score(heads, captions).matrix.values
    for row, (letters, brief) in zip(found, values, strict=True):
        assert row["heads"]["letters"] == {"score": letters, "counted": letters}
        assert row["total"] == pytest.approx(2 * letters + brief)


def test_the_gate_acts_on_what_is_counted() -> None:
    """1, 7 and 1 words over 3: 1/3, 7/3, 1/3. The band of 0.5 to 2.5 lets the second pass."""
    found = rows(scorer_of([Brief()], gate_heads="brief", gate_high=2.5))
    assert [row["in_band"] for row in found] == [False, True, False]
    assert [row["ratio"] for row in found] == pytest.approx([1 / 3, 7 / 3, 1 / 3])
    for row in found:
        cell = row["heads"]["brief"]
        assert cell["counted"] == row["total"] == (cell["score"] if row["in_band"] else 0.0)
        assert cell["score"] > 0


def test_what_the_gate_leaves_out_is_no_missing_score() -> None:
    found = rows(scorer_of([Brief(), Letters()], gate="exclude", gate_heads="brief"))
    assert found[0]["heads"]["brief"]["counted"] is None
    assert found[0]["total"] == found[0]["heads"]["letters"]["counted"]


def test_a_caption_that_a_head_did_not_score_has_no_total() -> None:
    first, _, last = rows(scorer_of([Letters(), Picky()]))
    assert last["heads"]["picky"] == {
        "score": None, "counted": None, "reason": "even", "cause": "data",
    }  # fmt: skip
    assert last["total"] is None
    assert first["total"] is not None
    # but for a head that does not count
    assert rows(scorer_of([Letters(), Picky()], {"picky": 0.0}))[2]["total"] is not None


class Explains(Head):  # type: ignore[type-arg]
    name = "explains"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        return [Score(0.5, "half of it", {"missed": ["b"]}) for _ in captions]


def test_reasons_come_with_the_score() -> None:
    assert rows(scorer_of([Explains()]))[0]["heads"]["explains"] == {
        "score": 0.5, "counted": 0.5, "explanation": "half of it", "evidence": {"missed": ["b"]},
    }  # fmt: skip


class Reference(Head):  # type: ignore[type-arg]
    """How long is the reference? Answers by the sample's id, as heads may."""

    name = "reference"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        known = {c.sample.id: c.sample.reference for c in captions}
        return [1 / len(known[c.sample.id] or "x") for c in captions]


def test_one_id_for_two_samples_mixes_nothing_up() -> None:
    items = [{"caption": "x", "id": "a", "reference": "r" * n} for n in (1, 2, 4, 2)]
    found = rows(scorer_of([Reference()], gate="none"), items)
    assert [row["heads"]["reference"]["score"] for row in found] == [1.0, 0.5, 0.25, 0.5]


class Chokes(Head):  # type: ignore[type-arg]
    name = "chokes"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        if any(c.text == "even" for c in captions):
            raise KeyError("even")
        return [Unscored("x") if c.text == "none" else 1.0 for c in captions]


def test_a_caption_that_breaks_a_head_leaves_the_others_their_scores() -> None:
    first, second, broken = rows(scorer_of([Chokes()]))
    assert first["total"] == second["total"] == 1.0
    assert isinstance(broken, HeadError)


class Away(Head):  # type: ignore[type-arg]
    name = "away"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        raise RunError("the server is away")


def test_what_no_caption_is_at_fault_for_is_raised() -> None:
    with pytest.raises(RunError, match="away"):
        rows(scorer_of([Away()]))
