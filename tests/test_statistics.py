"""Means, rank correlations, intervals: worked numbers and laws."""

import tracemalloc

import numpy as np
import pytest

from balcap.advantage.arrays import Float
from balcap.statistics import (
    RESAMPLES,
    bootstrap_interval,
    interval,
    kendall,
    mean,
    paired_interval,
    point,
    spearman,
)


def first(means: Float) -> Float:
    return means[..., 0]


def harmonic(means: Float) -> Float:
    return 2 * means[..., 0] * means[..., 1] / (means[..., 0] + means[..., 1])


def column(*values: float) -> Float:
    return np.array(values, dtype=np.float64).reshape(-1, 1)


def test_a_coin_thrown_400_times() -> None:
    """The standard error of a share of 0.5 is 0.5 / sqrt(400) = 0.025; 1.96 of it to each side."""
    low, high = interval(column(*[0, 1] * 200), range(400), first) or (0, 0)
    assert low == pytest.approx(0.5 - 0.049, abs=0.005)
    assert high == pytest.approx(0.5 + 0.049, abs=0.005)


def test_two_samples_have_three_means() -> None:
    """aa, ab or ba, and bb come out in 1/4, 1/2 and 1/4 of the draws: both ends lie outside."""
    assert interval(column(2, 4), ["a", "b"], first) == (2, 4)
    # three items of a and one of b: of ab the mean is 3/4, but the ends are still aa and bb
    assert interval(column(1, 1, 1, 0), ["a", "a", "a", "b"], first) == (0, 1)


def test_items_of_one_sample_make_nothing_surer() -> None:
    values = np.random.default_rng(0).random((50, 1))
    once = interval(values, range(50), first)
    tenfold = interval(np.repeat(values, 10, axis=0), np.repeat(range(50), 10).tolist(), first)
    assert once == pytest.approx(tenfold)
    as_if_single = interval(np.repeat(values, 10, axis=0), range(500), first)
    assert once
    assert as_if_single
    assert np.ptp(as_if_single) < np.ptp(once) / 2.5  # sqrt(10) = 3.2 times too narrow


def test_a_score_may_be_any_function_of_means() -> None:
    values = np.array([[0.2, 0.8], [0.4, 0.6], [0.9, 0.1]])
    # means 0.5 and 0.5
    assert point(values, harmonic) == pytest.approx(0.5)
    low, high = interval(values, range(3), harmonic) or (0, 0)
    assert low == pytest.approx(2 * 0.9 * 0.1)  # three times the last
    assert 0.48 < high <= 0.5


def test_what_is_hard_for_both_does_not_widen_a_difference() -> None:
    one = np.random.default_rng(1).normal(size=(30, 1))
    assert paired_interval(one, one + 3, range(30), first) == pytest.approx((3, 3))


def test_too_little_has_no_interval() -> None:
    assert interval(column(1, 2), ["a", "a"], first) is None
    assert interval(np.zeros((0, 1)), [], first) is None
    assert point(np.zeros((0, 1)), first) is None


def test_draws_without_a_score_are_left_out() -> None:
    """Precision over those that claim: a draw of only silent captions has none."""
    values = np.array([[1.0, 1.0], [0.0, 0.0]])
    assert interval(values, ["a", "b"], lambda means: means[..., 0] / means[..., 1]) == (1, 1)


def test_an_interval_of_the_mean_is_that_of_all_resamples_drawn_at_once() -> None:
    """In chunks the draws are the same, in the same order."""
    values = np.random.default_rng(5).random(600)  # 3,333 resamples at a time
    drawn = np.random.default_rng(7).integers(0, 600, size=(RESAMPLES, 600))
    expected = np.quantile(values[drawn].mean(axis=1), [0.05, 0.95])
    assert bootstrap_interval(values, 0.9, seed=7) == pytest.approx(tuple(expected), rel=1e-12)


def test_memory_does_not_grow_with_the_resamples() -> None:
    """All 9,999 resamples of 3,000 values at once are 240 MB of indices alone."""
    values = np.random.default_rng(5).random(3000)
    bootstrap_interval(values[:10])  # imports scipy
    tracemalloc.start()
    try:
        bootstrap_interval(values)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def test_a_mean_is_over_what_is_known() -> None:
    assert mean(np.array([1.0, np.nan, 3.0])) == 2.0
    assert mean(np.array([np.nan])) is None


def test_rank_correlations() -> None:
    # ranks 1 2 3 4 and 2 1 4 3: 1 - 6 * (1 + 1 + 1 + 1) / (4 * 15) = 0.6; of 6 pairs 2 are turned
    pair = [1.0, 2.0, 3.0, 40.0], [2.0, 1.0, 9.0, 3.0]
    assert spearman(*pair) == pytest.approx(0.6)
    assert kendall(*pair) == pytest.approx((4 - 2) / 6)
    for coefficient in (spearman, kendall):
        assert coefficient(pair[0], [1.0] * 4) is None
        assert coefficient([1.0], [2.0]) is None
