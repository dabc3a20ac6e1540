"""The gate's three algorithms differ as their names say; nothing else of the matrix changes."""

from __future__ import annotations

import numpy as np
import pytest

from balcap.advantage.gates import gate, length_penalty, within_band
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers import advantages
from balcap.config.methods import GATES

NAN = float("nan")


def one_group(scores, *, head: str = "fluency") -> RewardMatrix:
    values = np.array(scores, dtype=float)[:, None]
    return RewardMatrix(values, np.ones_like(values), np.zeros(len(values), int), (head,))


def two_heads() -> RewardMatrix:
    rng = np.random.default_rng(0)
    scored = rng.random((12, 2)) < 0.8
    return RewardMatrix(rng.random((12, 2)), scored, np.repeat([0, 1], 6), ("qa", "fluency"))


RATIO = np.array([0.1, 0.4, 0.5, 0.9, 1.0, 2.0, 2.1, 9.0, NAN, 1.0, 0.0, np.inf])
PASSES = [False, False, True, True, True, True, False, False, True, True, False, False]


def test_both_ends_of_the_band_pass_and_so_does_a_missing_reference():
    assert within_band(RATIO).tolist() == PASSES


@pytest.mark.parametrize("mode", GATES)
def test_only_the_named_head_changes_and_unscored_stays_unscored(mode):
    before = two_heads()
    after = gate(before, RATIO, heads=["fluency"], mode=mode)
    for part in ("values", "scored", "kept"):
        np.testing.assert_array_equal(getattr(after, part)[:, 0], getattr(before, part)[:, 0])
    assert not (after.scored & ~before.scored).any()


@pytest.mark.parametrize("mode", sorted(set(GATES) - {"penalty"}))
def test_captions_in_the_band_keep_their_score_and_gating_twice_is_gating_once(mode):
    before = two_heads()
    once = gate(before, RATIO, heads=["fluency"], mode=mode)
    twice = gate(once, RATIO, heads=["fluency"], mode=mode)
    for part in ("values", "scored", "kept"):
        np.testing.assert_array_equal(getattr(once, part)[PASSES], getattr(before, part)[PASSES])
        np.testing.assert_array_equal(getattr(once, part), getattr(twice, part))


def test_what_each_mode_does_outside_the_band():
    matrix, ratio = one_group([0.7, 0.9]), np.array([1.0, 3.0])
    zero = gate(matrix, ratio, heads=["fluency"])
    exclude = gate(matrix, ratio, heads=["fluency"], mode="exclude")
    post = gate(matrix, ratio, heads=["fluency"], mode="post")
    assert (zero.values[1, 0], zero.scored[1, 0], zero.kept[1, 0]) == (0.0, True, True)
    assert (exclude.scored[1, 0], exclude.kept[1, 0]) == (False, True)
    assert (post.values[1, 0], post.scored[1, 0], post.kept[1, 0]) == (0.9, True, False)
    assert gate(matrix, ratio, heads=["fluency"], mode="none") is matrix


@pytest.mark.parametrize("score", [0.1, 0.9])
def test_zero_gives_a_lone_survivor_the_same_advantage_whatever_its_score(score):
    # Scores s, 0, 0, ... of 8: mean s/8, std s/sqrt(8), so z = (7/8) sqrt(8) = 2.4749 for any s.
    matrix = gate(one_group([score] * 8), np.array([1.0] + [9.0] * 7), heads=["fluency"])
    assert advantages(matrix, "mo_grpo", eps=0.0)[0] == pytest.approx(2.474874, abs=1e-6)


def test_exclude_compares_survivors_with_each_other_only():
    scores, ratio = [0.2, 0.4, 0.6, 1.0], np.array([1.0, 1.0, 1.0, 9.0])
    matrix = gate(one_group(scores), ratio, heads=["fluency"], mode="exclude")
    # Mean 0.4 and std 0.2 of the first three; the fourth is out.
    np.testing.assert_allclose(advantages(matrix, "mo_grpo", eps=0.0), [-1, 0, 1, 0], atol=1e-12)


@pytest.mark.parametrize("normalizer", ["grpo", "mo_grpo"])
def test_post_normalises_all_and_then_drops_some(normalizer):
    # Mean 1, std 1 over all three: -1, 0, 1; the last is dropped and the rest sums to -1, not 0.
    matrix = gate(one_group([0, 1, 2]), np.array([1, 1, 9]), heads=["fluency"], mode="post")
    np.testing.assert_allclose(advantages(matrix, normalizer, eps=0.0), [-1, 0, 0], atol=1e-12)


def test_penalty_is_linear_capped_and_free_without_a_reference():
    # |ratio - 1| is 0.4, 0, 0.25, 1 (capped from 2), nothing; times the slope of 0.5.
    ratio = np.array([0.6, 1.0, 1.25, 3.0, NAN])
    after = length_penalty(one_group([0.5] * 5), ratio, ["fluency"], slope=0.5)
    np.testing.assert_allclose(after.values[:, 0], [0.3, 0.5, 0.375, 0.0, 0.5])


def test_the_gate_of_mode_penalty_is_length_penalty():
    matrix = two_heads()
    np.testing.assert_array_equal(
        gate(matrix, RATIO, heads=["qa"], mode="penalty").values,
        length_penalty(matrix, RATIO, ["qa"]).values,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "zeroo"}, r"no gate 'zeroo'.*did you mean 'zero'"),
        ({"heads": ["fluent"]}, r"no head 'fluent'"),
        ({"ratio": RATIO[:3]}, r"ratio has shape \(3,\).*12 captions"),
        ({"low": 2.0, "high": 2.0}, r"the band is 2.0 to 2.0"),
        ({"low": NAN}, r"the band is nan"),
    ],
)
def test_refuses(changes, message):
    arguments = {"ratio": RATIO, "heads": ["fluency"]} | changes
    with pytest.raises(ValueError, match=message):
        gate(two_heads(), **arguments)


@pytest.mark.parametrize("slope", [-1.0, NAN, np.inf])
def test_a_penalty_must_not_be_a_gift(slope):
    with pytest.raises(ValueError, match="slope is"):
        length_penalty(two_heads(), RATIO, ["qa"], slope=slope)
