"""What holds for every normaliser, or for every one that treats heads one by one."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers import advantages, live_cells, normalized
from balcap.advantage.normalizers.groups import DEAD_RANGE
from balcap.config.methods import NORMALIZERS
from helpers.matrices import make, matrices, rows

UNIT_FREE = ("mo_grpo", "gdpo", "gdpo_live", "gd2po", "rvpo", "sa_mrpo")
PER_HEAD = (*UNIT_FREE, "dvao", "corr_grpo")
SUMMED = ("grpo", "dr_grpo")
EACH = pytest.mark.parametrize("normalizer", NORMALIZERS)
EACH_PER_HEAD = pytest.mark.parametrize("normalizer", PER_HEAD)
quickly = settings(max_examples=25, deadline=None, derandomize=True)
near = partial(np.testing.assert_allclose, atol=1e-8)
same = np.testing.assert_array_equal


def options_for(normalizer: str) -> dict[str, float]:
    # Scores on a grid put agreements at exactly 0.8, where rounding decides; 0.777 is off the grid.
    return {"tau": 0.777} if normalizer == "gd2po" else {}


@EACH
@given(matrix=matrices(), data=st.data())
@quickly
def test_the_order_of_captions_does_not_matter(normalizer, matrix, data):
    order = data.draw(st.permutations(range(len(matrix))))
    answer = partial(advantages, normalizer=normalizer, **options_for(normalizer))
    near(answer(rows(matrix, order)), answer(matrix)[order])


@EACH
@given(matrix=matrices())
@quickly
def test_the_numbers_of_groups_do_not_matter(normalizer, matrix):
    other = RewardMatrix(matrix.values, matrix.scored, 100 - 7 * matrix.group, matrix.heads)
    same(advantages(other, normalizer), advantages(matrix, normalizer))


@pytest.mark.parametrize("normalizer", UNIT_FREE)
@given(matrix=matrices(), scale=st.floats(0.1, 20), shift=st.floats(-5, 5))
@quickly
def test_the_unit_of_a_head_does_not_matter(normalizer, matrix, scale, shift):
    # With eps = 0; eps is a length in the head's unit, so with it this holds only nearly.
    values = matrix.values.copy()
    values[:, 0] = scale * values[:, 0] + shift
    answer = partial(advantages, normalizer=normalizer, eps=0.0, **options_for(normalizer))
    near(answer(matrix.with_columns(values=values)), answer(matrix))


@EACH
@given(matrix=matrices(), filler=st.sampled_from([np.nan, np.inf, -1e300]))
@quickly
def test_what_stands_in_an_unscored_cell_is_never_read(normalizer, matrix, filler):
    filled = matrix.with_columns(values=np.where(matrix.scored, matrix.values, filler))
    same(advantages(filled, normalizer), advantages(matrix, normalizer))


@EACH
@given(matrix=matrices(), data=st.data())
@quickly
def test_a_caption_without_scores_is_as_if_deleted_and_gets_0(normalizer, matrix, data):
    stays = np.array(data.draw(st.lists(st.booleans(), min_size=len(matrix), max_size=len(matrix))))
    masked = matrix.with_columns(scored=matrix.scored & stays[:, None])
    answer = advantages(masked, normalizer)
    same(answer[stays], advantages(rows(matrix, stays), normalizer))
    same(answer[~stays], 0.0)


@EACH
@given(matrix=matrices())
@quickly
def test_a_head_of_weight_0_is_as_if_deleted(normalizer, matrix):
    double = RewardMatrix(
        np.hstack([matrix.values, matrix.values[:, ::-1] ** 2]),
        np.hstack([matrix.scored, ~matrix.scored]),
        matrix.group,
        tuple("abcdef"[: 2 * len(matrix.heads)]),
    )
    weights = {head: float(head in matrix.heads) for head in double.heads}
    same(advantages(double, normalizer, weights), advantages(matrix, normalizer))


@EACH
@given(matrix=matrices(), weight=st.floats(0.1, 10))
@quickly
def test_heads_add_up_to_the_advantage_before_the_batch_step(normalizer, matrix, weight):
    weights = dict.fromkeys(matrix.heads, 1.0) | {"a": weight}
    parts = normalized(matrix, normalizer, weights)
    moved = parts.advantage != 0
    # What is left is the mean that the batch step took off, one number for all.
    left = parts.gain * parts.per_head.sum(axis=1)[moved] - parts.advantage[moved]
    near(left, left[:1].repeat(len(left)))


@pytest.mark.parametrize("normalizer", sorted(set(NORMALIZERS) - {"gd2po"}))
@given(matrix=matrices())
@quickly
def test_the_advantages_of_a_group_add_up_to_0(normalizer, matrix):
    # Not so for gd2po, which drops captions after they were compared.
    answer = advantages(matrix, normalizer)
    near([answer[matrix.group == label].sum() for label in set(matrix.group)], 0.0)


# With missing scores the two sums differ within a group: the bias that they document.
@pytest.mark.parametrize(
    ("normalizer", "missing"),
    [*((name, 0.0) for name in NORMALIZERS), *((name, 0.1) for name in PER_HEAD)],
)
@pytest.mark.parametrize("size", [5, 6, 7, 8, 10, 12])
def test_groups_of_equal_scores_give_exactly_0(normalizer, size, missing):
    # 0.1 * 6 / 6 != 0.1 in floating point; dividing by eps, or by the batch's std, blows that up.
    rng = np.random.default_rng(size)
    level = rng.choice([0.1, 0.3, 0.7, 1 / 3], size=(10, 3))
    values = np.repeat(level, size, axis=0)
    matrix = make(values.T, np.repeat(np.arange(10), size), rng.random(values.shape) >= missing)
    parts = normalized(matrix, normalizer)
    same(parts.advantage, 0.0)
    same(parts.per_head, 0.0)
    assert not live_cells(matrix).any()


@EACH_PER_HEAD
@pytest.mark.parametrize("size", [5, 6, 7, 8, 10, 12])
def test_a_dead_head_beside_a_live_one_changes_nothing(normalizer, size):
    live = np.random.default_rng(size).random(8 * size)
    group = np.repeat(np.arange(8), size)
    dead = np.repeat([0.1, 0.3, 0.7, 1 / 3] * 2, size)
    same(
        advantages(make([live, dead], group), normalizer),
        advantages(make([live], group), normalizer),
    )


@pytest.mark.parametrize("normalizer", SUMMED)
def test_a_dead_head_beside_a_live_one_adds_nothing_to_a_sum(normalizer):
    live, group = np.random.default_rng(0).random(60), np.repeat(np.arange(10), 6)
    parts = normalized(make([live, np.full(60, 0.1)], group), normalizer)
    near(parts.advantage, advantages(make([live], group), normalizer))
    same(parts.per_head[:, 1], 0.0)


def test_a_group_dies_at_the_stated_range():
    just, more = [0.0, DEAD_RANGE], [0.0, 1.001 * DEAD_RANGE]
    assert not live_cells(make([just])).any()
    assert live_cells(make([more])).all()
    # The range counts in units of the largest score above 1: 1e-3 at a score of 1000.
    assert not live_cells(make([[1000.0, 1000.0009]])).any()
    assert live_cells(make([[1000.0, 1000.0011]])).all()


@pytest.mark.parametrize("normalizer", [*SUMMED, "gdpo", "gdpo_live", "gd2po"])
def test_heads_that_cancel_give_exactly_0(normalizer):
    # Not so for mo_grpo, whose rounding errors stay rounding errors, nor for rvpo: no cancelling.
    rising = np.arange(6) / 10
    same(advantages(make([rising, 1 - rising]), normalizer), 0.0)


@EACH
@given(
    scores=st.lists(st.floats(0, 1), min_size=2, max_size=12).map(np.array),
    weight=st.floats(0.1, 10),
)
@quickly
def test_what_rounding_leaves_of_heads_that_cancel_is_never_blown_up(normalizer, scores, weight):
    # Scores s and 1 - s in two groups of different order. Divided by its own std, the rest of
    # 1e-16 would be of order 1. Exactly 0 by the rules with a step over the batch; mo_grpo, dvao
    # and corr_grpo leave the rest as small as it is. For rvpo, and for sa_mrpo, which weighs the
    # two heads by how high they score, they do not cancel.
    matrix = make(
        [np.r_[scores, scores[::-1]], 1 - np.r_[scores, scores[::-1]]],
        np.repeat([0, 1], len(scores)),
    )
    if normalizer in ("rvpo", "sa_mrpo"):  # symmetric in the two heads
        swapped = matrix.with_columns(values=matrix.values[:, ::-1])
        near(advantages(matrix, normalizer), advantages(swapped, normalizer))
        return
    answer = advantages(matrix, normalizer, {"a": weight, "b": weight})
    if normalizer in ("mo_grpo", "dvao", "corr_grpo"):
        np.testing.assert_allclose(answer, 0.0, atol=1e-9)
    else:
        same(answer, 0.0)


@EACH
def test_groups_of_one_give_exactly_0(normalizer):
    same(advantages(make([[0.1, 0.5, 0.9]], group=[0, 1, 2]), normalizer), 0.0)


@EACH
def test_no_captions_give_no_advantages(normalizer):
    assert advantages(make([[]]), normalizer).shape == (0,)


@EACH_PER_HEAD
def test_a_cell_that_is_alone_in_its_group_contributes_exactly_0(normalizer):
    parts = normalized(make([[0.0, 0.4, 1.0], [None, 0.7, None]]), normalizer)
    same(parts.per_head[:, 1], 0.0)


@given(matrix=matrices(masked=False), factor=st.floats(0.1, 10))
@quickly
def test_only_the_ratio_of_weights_counts_after_whitening(matrix, factor):
    weights = {head: 1.0 + index for index, head in enumerate(matrix.heads)}
    scaled = {head: factor * weight for head, weight in weights.items()}
    for name in ("gdpo", "gdpo_live", "gd2po", "rvpo", "sa_mrpo"):
        options = {"eps": 0.0, **options_for(name)}
        near(
            advantages(matrix, name, scaled, **options),
            advantages(matrix, name, weights, **options),
        )


@given(matrix=matrices(masked=False))
@quickly
def test_gdpo_of_two_equal_weights_is_0_where_the_total_is_constant(matrix):
    # z of s and of 1 - s cancel: a constant total leaves GDPO nothing to learn from either.
    scores = matrix.values[:, 0]
    same(advantages(make([scores, 1.0 - scores], matrix.group), "gdpo"), 0.0)


def test_a_small_beta_of_rvpo_is_gdpo_and_a_large_one_is_the_worst_head():
    scores = np.random.default_rng(0).random((3, 24))
    matrix = make(scores, np.repeat(np.arange(4), 6))
    with_dead = make(np.hstack([scores, np.ones((3, 6))]), np.repeat(np.arange(5), 6))
    near(advantages(with_dead, "rvpo", beta=1e-6), advantages(with_dead, "gdpo"), atol=1e-3)
    near(advantages(matrix, "rvpo", beta=1e-6), advantages(matrix, "gdpo"), atol=1e-3)
    worst = normalized(matrix, "mo_grpo").per_head.min(axis=1).reshape(4, 6)
    centred = (worst - worst.mean(axis=1, keepdims=True)).ravel()
    expected = centred / (centred.std(ddof=1) + 1e-4)
    near(advantages(matrix, "rvpo", beta=1e5), expected, atol=1e-3)
