"""A step's numbers, worked out by hand."""

import numpy as np
import pytest

from balcap.advantage.rule import AdvantageRule
from balcap.judges.usage import Usage
from balcap.runs.metrics import correlation, step_metrics, trl_metrics
from balcap.runs.rollouts import Rollouts, Row


def row(group: int, words: int, ratio: float, *scores: float | None) -> Row:
    reasons = tuple("no" if score is None else None for score in scores)
    return Row(f"s{group}", group, "x " * words, words, words, ratio, scores, reasons)


def rollouts(rows: list[Row], gate: str = "none", normalizer: str = "mo_grpo") -> Rollouts:
    rule = AdvantageRule(normalizer, {"a": 1.0, "b": 1.0}, gate, ("b",), 0.5, 2.0)
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


def test_what_a_judge_was_asked() -> None:
    """20 questions, 15 of them known: the 5 others took 4 seconds together, 0.8 each."""
    rows = [row(0, 4, 1.0, 0.0, 1.0), row(0, 6, 1.0, 1.0, 0.0)]
    used = Usage(20, 15, 1, prompt_tokens=500, completion_tokens=50, seconds=4.0, dollars=0.25)
    rule = AdvantageRule("mo_grpo", {"a": 1.0, "b": 1.0}, "none", (), 0.5, 2.0)
    metrics = step_metrics(Rollouts.of(["a", "b"], rows, rule, {"b": used}), {})
    assert {name: value for name, value in metrics.items() if name.startswith("judge/")} == {
        "judge/b/questions": 20.0,
        "judge/b/cached": 0.75,
        "judge/b/failed": 0.05,
        "judge/b/prompt_tokens": 500.0,
        "judge/b/completion_tokens": 50.0,
        "judge/b/latency": 0.8,
        "judge/b/dollars": 0.25,
    }


def test_a_judge_that_was_asked_nothing_has_no_shares() -> None:
    rows = [row(0, 4, 1.0, 0.0, 1.0), row(0, 6, 1.0, 1.0, 0.0)]
    rule = AdvantageRule("mo_grpo", {"a": 1.0, "b": 1.0}, "none", (), 0.5, 2.0)
    metrics = step_metrics(Rollouts.of(["a", "b"], rows, rule, {"b": Usage()}), {})
    assert metrics["judge/b/questions"] == 0.0
    assert metrics["judge/b/failed"] is None
    assert metrics["judge/b/latency"] is None
