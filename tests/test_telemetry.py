"""A step's numbers, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balcap.advantage.gates import find_gate
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers import find_normalizer
from balcap.advantage.rule import AdvantageRule
from balcap.config.methods import NORMALIZERS
from balcap.judges.usage import Usage
from balcap.runs.metrics import correlation, step_metrics, trl_metrics
from balcap.runs.rollouts import Rollouts, Row
from helpers.matrices import matrices


def row(group: int, words: int, ratio: float, *scores: float | None) -> Row:
    reasons = tuple("no" if score is None else None for score in scores)
    return Row(f"s{group}", group, "x " * words, words, words, ratio, scores, reasons)


def rule_of(normalizer: str, weights: dict[str, float]) -> AdvantageRule:
    return AdvantageRule(
        find_normalizer(normalizer)(), weights, find_gate("none")(), (), (0.5, 2.0)
    )


def rollouts(rows: list[Row], gate: str = "none", normalizer: str = "mo_grpo") -> Rollouts:
    rule = AdvantageRule(
        find_normalizer(normalizer)(), {"a": 1.0, "b": 1.0}, find_gate(gate)(), ("b",), (0.5, 2.0)
    )
    return Rollouts.of(["a", "b"], rows, rule)


def test_means_count_scored_cells_only() -> None:
    rows = [row(0, 4, 1.0, 0.2, 1.0), row(0, 8, 3.0, None, 0.0)]
    metrics = step_metrics(rollouts(rows), {"score": 0.5})
    assert metrics["reward/a/mean"] == 0.2
    assert metrics["reward/a/unscored"] == 0.5
    assert metrics["reward/b/mean"] == 0.5
    assert metrics["reward/b/std"] == 0.5
    assert metrics["length/words"] == 6
    assert metrics["length/ratio"] == 2.0
    assert metrics["gate/pass"] == 0.5
    assert metrics["seconds/score"] == 0.5


def test_dead_groups_are_counted_per_head_and_after_the_gate() -> None:
    """Head a differs in group 0 only. Head b differs in both, but the gate makes group 1 all 0."""
    rows = [
        row(0, 4, 1.0, 0.1, 0.3), row(0, 4, 1.0, 0.2, 0.4),
        row(1, 4, 3.0, 0.7, 0.5), row(1, 4, 3.0, 0.7, 0.6),
    ]  # fmt: skip
    metrics = step_metrics(rollouts(rows, gate="zero"), {})
    assert metrics["reward/a/dead_groups"] == 0.5
    assert metrics["reward/b/dead_groups"] == 0.5
    assert step_metrics(rollouts(rows), {})["reward/b/dead_groups"] == 0.0


def test_two_heads_that_agree_share_the_variance_and_never_conflict() -> None:
    rows = [row(0, 4, 1.0, 0.0, 0.0), row(0, 6, 1.0, 1.0, 1.0)]
    metrics = step_metrics(rollouts(rows), {})
    assert metrics["reward/a/variance_share"] == pytest.approx(0.5)
    assert metrics["corr/a~b"] == pytest.approx(1.0)
    assert metrics["conflict/a~b"] == 0.0
    assert metrics["advantage/length_corr"] == pytest.approx(1.0)


def test_two_heads_that_cancel_have_no_share_to_speak_of() -> None:
    """Their credit is +z and -z: the sum does not vary, so a share of it has no value."""
    rows = [row(0, 4, 1.0, 0.0, 1.0), row(0, 6, 1.0, 1.0, 0.0)]
    metrics = step_metrics(rollouts(rows), {})
    assert metrics["reward/a/variance_share"] is None
    assert metrics["conflict/a~b"] == 1.0
    assert metrics["advantage/zero"] == 1.0


CANCEL = (0.1, 0.2, 0.7, 0.35)  # 0.1 + (1 - 0.1) and the others differ in the last digit


@pytest.mark.parametrize("weight", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("normalizer", sorted(set(NORMALIZERS) - {"rvpo", "sa_mrpo"}))
def test_heads_that_cancel_but_for_rounding_have_no_share_and_no_trend(normalizer, weight):
    """Scores s and 1 - s in two groups: what is left of the sum, 1e-16, is no number to divide by.

    Not rvpo: the worse of two heads that cancel is not 0; nor sa_mrpo, which weighs the two by how
    high they score.
    """
    rows = [row(i // 4, 3 + i, 1.0, s, 1 - s) for i, s in enumerate((*CANCEL, *CANCEL[::-1]))]
    rule = rule_of(normalizer, {"a": weight, "b": weight})
    metrics = step_metrics(Rollouts.of(["a", "b"], rows, rule), {})
    assert metrics["reward/a/variance_share"] is None
    assert metrics["reward/b/variance_share"] is None
    assert metrics["advantage/length_corr"] is None
    assert metrics["advantage/zero"] == 1.0


def test_a_score_at_the_mean_is_in_no_conflict() -> None:
    """The mean of 0.1, 0.2, 0.3 is 0.2 and 3e-17: the middle caption's credit has no sign.

    Head b says the opposite of a about the first and the last, and prefers the middle to both.
    """
    rows = [row(0, 4, 1.0, 0.1, 0.6), row(0, 5, 1.0, 0.2, 0.9), row(0, 6, 1.0, 0.3, 0.0)]
    # b's mean is 0.5: +, +, - beside -, 0, +
    assert step_metrics(rollouts(rows), {})["conflict/a~b"] == pytest.approx(2 / 3)


def shares_of(matrix: RewardMatrix, normalizer: str, weight: float) -> list[float | None]:
    rule = rule_of(normalizer, dict.fromkeys(matrix.heads, weight))
    scores = np.where(matrix.scored, matrix.values, np.nan)
    rows = [
        row(int(group), 1, 1.0, *(None if np.isnan(s) else float(s) for s in line))
        for group, line in zip(matrix.group, scores, strict=True)
    ]
    metrics = step_metrics(Rollouts.of(matrix.heads, rows, rule), {})
    return [metrics[f"reward/{head}/variance_share"] for head in matrix.heads]


@pytest.mark.parametrize("normalizer", NORMALIZERS)
@given(matrix=matrices())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_shares_of_variance_add_up_to_1_or_have_no_value(normalizer, matrix):
    shares = shares_of(matrix, normalizer, 1.0)
    if None in shares:
        assert set(shares) == {None}
    else:
        assert sum(shares) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("normalizer", ["mo_grpo", "gdpo", "dr_grpo"])
@given(matrix=matrices(), scale=st.sampled_from([1e-2, 3.0, 1e3]))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_shares_of_variance_do_not_depend_on_the_scale_of_the_weights(normalizer, matrix, scale):
    once, scaled = (
        np.array(shares_of(matrix, normalizer, weight), dtype=np.float64)  # None becomes NaN
        for weight in (1.0, scale)
    )
    np.testing.assert_allclose(scaled, once, rtol=1e-6, atol=1e-6)


def test_a_dead_head_beside_a_live_one_has_share_zero() -> None:
    rows = [row(0, 4, 1.0, 0.0, 0.5), row(0, 6, 1.0, 1.0, 0.5)]
    metrics = step_metrics(rollouts(rows), {})
    assert metrics["reward/a/variance_share"] == pytest.approx(1.0)
    assert metrics["reward/b/variance_share"] == 0.0


def test_a_correlation_of_constants_has_no_value() -> None:
    assert correlation(np.array([1.0, 1.0]), np.array([0.0, 1.0])) is None
    assert correlation(np.array([1.0]), np.array([2.0])) is None


def test_numbers_of_trl_get_our_names_and_are_never_nan() -> None:
    logs = {"loss": 0.25, "kl": float("nan"), "rewards/a/mean": 1.0}
    assert trl_metrics(logs) == {"loss": 0.25, "kl": None}
    by_vllm = {
        "sampling/sampling_logp_difference/mean": 0.03,
        "sampling/importance_sampling_ratio/mean": 0.97,
    }
    assert trl_metrics(by_vllm) == {
        "rollout/logp_difference": 0.03,
        "rollout/importance_ratio": 0.97,
    }


def test_what_a_judge_was_asked() -> None:
    """20 questions, 15 of them known: the 5 others took 4 seconds together, 0.8 each."""
    rows = [row(0, 4, 1.0, 0.0, 1.0), row(0, 6, 1.0, 1.0, 0.0)]
    used = Usage(20, 15, 1, prompt_tokens=500, completion_tokens=50, seconds=4.0, dollars=0.25)
    rule = rule_of("mo_grpo", {"a": 1.0, "b": 1.0})
    metrics = step_metrics(Rollouts.of(["a", "b"], rows, rule, {"b": used}), {})
    assert {name: value for name, value in metrics.items() if name.startswith("judge/")} == {
        "judge/b/questions": 20.0,
        "judge/b/cached": 0.75,
        "judge/b/failed": 0.05,
        "judge/b/unusable": 0.0,
        "judge/b/dropped": 0.0,
        "judge/b/prompt_tokens": 500.0,
        "judge/b/completion_tokens": 50.0,
        "judge/b/latency": 0.8,
        "judge/b/dollars": 0.25,
    }


def test_a_judge_that_was_asked_nothing_has_no_shares() -> None:
    rows = [row(0, 4, 1.0, 0.0, 1.0), row(0, 6, 1.0, 1.0, 0.0)]
    rule = rule_of("mo_grpo", {"a": 1.0, "b": 1.0})
    metrics = step_metrics(Rollouts.of(["a", "b"], rows, rule, {"b": Usage()}), {})
    assert metrics["judge/b/questions"] == 0.0
    assert metrics["judge/b/failed"] is None
    assert metrics["judge/b/latency"] is None
