"""How much scores changed in training, and how sure that is."""

from typing import Any

import pytest

from balcap.runs.changes import balanced_heads, change_of, changes, heads_of_harmonic_mean


def side(*scores: dict[str, float | None], **measures: float) -> list[dict[str, Any]]:
    return [
        {"sample": f"s{i}", "scores": each, "measures": measures} for i, each in enumerate(scores)
    ]


def test_what_is_hard_before_and_after_does_not_widen_the_interval() -> None:
    """Every sample gains 0.1, wherever it began: so does each draw of samples."""
    before = side({"qa": 0.1}, {"qa": 0.5}, {"qa": 0.8})
    after = side({"qa": 0.2}, {"qa": 0.6}, {"qa": 0.9})
    found = changes(before, after, [])["qa"]
    assert found == pytest.approx({"value": 0.1, "low": 0.1, "high": 0.1})


def test_a_mean_is_over_the_captions_that_have_a_score() -> None:
    """Before 0.2 of the first alone; after (0.4 + 0.8) / 2. Drawn twice, the first gives 0.4 - 0.2;
    the second alone has no score before, and that draw is left out; both give 0.6 - 0.2."""
    found = changes(side({"qa": 0.2}, {"qa": None}), side({"qa": 0.4}, {"qa": 0.8}), [])["qa"]
    assert found == pytest.approx({"value": 0.4, "low": 0.2, "high": 0.4})


def test_the_harmonic_mean_is_that_of_the_means() -> None:
    """Before 2 / (1/0.5 + 1/0.25) = 1/3, after 2 / (1/0.5 + 1/0.5) = 0.5."""
    before = side({"qa": 0.25, "cov": 0.25, "x": 0.9}, {"qa": 0.75, "cov": 0.25, "x": 0.9})
    after = side({"qa": 0.5, "cov": 0.5, "x": 0.1}, {"qa": 0.5, "cov": 0.5, "x": 0.1})
    found = changes(before, after, ["qa", "cov"], ["harmonic_mean"])
    assert list(found) == ["harmonic_mean"]
    assert found["harmonic_mean"]["value"] == pytest.approx(1 / 6)
    # the first drawn twice: 0.5 - 0.25; the second: 0.5 - 2 / (1/0.75 + 1/0.25) = 0.5 - 0.375
    assert found["harmonic_mean"]["low"] == pytest.approx(0.125)
    assert found["harmonic_mean"]["high"] == pytest.approx(0.25)


def test_a_mean_of_0_makes_the_harmonic_mean_0() -> None:
    found = changes(side({"qa": 0.0, "cov": 1.0}), side({"qa": 1.0, "cov": 1.0}), ["qa", "cov"])
    assert found["harmonic_mean"] == {"value": 1.0, "low": None, "high": None}


def test_measures_have_intervals_too_and_one_sample_has_none() -> None:
    found = changes(side({}, words=20.0), side({}, words=30.0), [])
    assert found == {"words": {"value": 10.0, "low": None, "high": None}}


def test_only_samples_of_both_sides_count() -> None:
    before, after = side({"qa": 0.5}, {"qa": 0.0}), side({"qa": 0.6})
    assert changes(before, after, [])["qa"]["value"] == pytest.approx(0.1)
    assert changes(before, [], []) == {}


def test_a_run_of_before_changes_were_kept_has_the_difference_alone() -> None:
    old = {"before": {"qa": 0.25}, "after": {"qa": 0.75}}
    assert change_of(old, "qa") == (0.5, None)
    assert change_of({"before": {"qa": 0.25}}, "qa") == (None, None)
    new = old | {"change": {"qa": {"value": 0.5, "low": 0.4, "high": 0.6}}}
    assert change_of(new, "qa") == (0.5, (0.4, 0.6))


def test_which_heads_the_harmonic_mean_is_made_of() -> None:
    assert balanced_heads(["qa", "precision", "cov"], "qa, cov,fluency") == ("qa", "cov")
    assert balanced_heads(["letters", "brief"], "") == ("letters", "brief")
    summary = {"before": {"scored": {"qa": 4, "precision": 4}}}
    assert heads_of_harmonic_mean(summary, {"eval_rewards": "qa"}) == ("qa",)
    assert heads_of_harmonic_mean(summary | {"harmonic_mean_of": ["x"]}, {}) == ("x",)
