"""DCScore's arithmetic, by hand.

Five facts, a reference of four. Facts 0 and 1 are both matched to o0, fact 2 to o1, facts 3 and 4
to nothing; 0, 2 and 3 are right; 0, 2 and 4 are relevant.
"""

import pytest

from balcap.evaluation.protocols.dcscore.formulas import shares, trial

MATCHES = (0, 0, 1, None, None)
RIGHT = (True, False, True, True, False)
RELEVANT = (True, False, True, False, True)


def test_all_facts() -> None:
    """P = 3/5. M(o0) = 2, though fact 1 is wrong: covered = 1/2 + 1; extra = 1 (fact 3).
    R = (1.5 + 1) / (4 + 1) = 1/2; F1 = 2 x 0.6 x 0.5 / 1.1."""
    found = trial(RELEVANT, MATCHES, RIGHT, 4).all
    assert found.precision == pytest.approx(3 / 5)
    assert found.recall == pytest.approx(1 / 2)
    assert found.f1 == pytest.approx(6 / 11)


def test_relevant_facts_are_weighed_among_themselves() -> None:
    """0, 2, 4: P = 2/3. Fact 1 is gone, so M(o0) = 1: R = (1 + 1) / 4; F1 = (2/3) / (7/6)."""
    found = trial(RELEVANT, MATCHES, RIGHT, 4).relevant
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == pytest.approx(1 / 2)
    assert found.f1 == pytest.approx(4 / 7)


def test_strict_compat_keeps_the_weights_of_all_facts() -> None:
    """As published, fact 0 still shares o0 with fact 1: R = (1/2 + 1) / 4 = 3/8;
    F1 = 2 x 2/3 x 3/8 / (2/3 + 3/8) = (1/2) / (25/24) = 0.48. All facts: no change."""
    strict = trial(RELEVANT, MATCHES, RIGHT, 4, strict_compat=True)
    assert strict.relevant.precision == pytest.approx(2 / 3)
    assert strict.relevant.recall == pytest.approx(3 / 8)
    assert strict.relevant.f1 == pytest.approx(0.48)
    assert strict.all == trial(RELEVANT, MATCHES, RIGHT, 4).all


def test_strict_compat_changes_nothing_where_all_facts_are_relevant() -> None:
    everything = (True,) * 5
    plain = trial(everything, MATCHES, RIGHT, 4)
    assert plain == trial(everything, MATCHES, RIGHT, 4, strict_compat=True)
    assert plain.all == plain.relevant


def test_right_facts_beyond_the_reference_raise_recall_but_never_to_1() -> None:
    """n right facts that are matched to nothing, of a reference of 2: R = n / (2 + n)."""
    for count in (1, 10, 1000):
        found = trial([True] * count, [None] * count, [True] * count, 2).all
        assert found.recall == pytest.approx(count / (2 + count))
        assert found.recall < 1


def test_a_fact_said_twice_counts_once() -> None:
    assert shares((3, 3, None, 0, 3)) == pytest.approx([1 / 3, 1 / 3, 0, 1, 1 / 3])
    once, thrice = (trial([True] * n, [0] * n, [True] * n, 5).all for n in (1, 3))
    assert thrice.recall == pytest.approx(once.recall)


def test_no_fact_and_no_right_fact_score_0() -> None:
    for facts, right in (((), ()), ((0, None), (False, False))):
        found = trial([True] * len(facts), facts, right, 3).all
        assert (found.precision, found.recall, found.f1) == (0, 0, 0)
