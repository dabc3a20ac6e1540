"""Runs as data frames, whole or half-written, and what is asked of them."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from balcap.analysis import (
    bootstrap_interval,
    captions_df,
    find_runs,
    harmonic_mean,
    heads_of,
    held_out_df,
    hypervolume,
    pareto_front,
    runs_df,
    scores_df,
    steps_df,
    t_interval,
)
from balcap.errors import UserError
from helpers.runs import cut, write_run

POINTS = pd.DataFrame(
    {"qa": [0.9, 0.5, 0.4, np.nan, 0.5], "cov": [0.2, 0.8, 0.7, 1.0, 0.8]}, index=list("abcde")
)


def test_runs_are_found_at_any_depth_and_not_inside_each_other(tmp_path: Path) -> None:
    write_run(tmp_path / "sweep" / "one" / "b")
    a = write_run(tmp_path / "sweep" / "a")
    write_run(a.path / "copy")  # inside a run: not looked for
    (a.path.parent / "wandb" / "files").mkdir(parents=True)
    (a.path.parent / "wandb" / "files" / "config.yaml").write_text("policy: wandb's own\n")
    found = find_runs(tmp_path)
    assert [path.name for path in found] == ["a", "b"]
    assert find_runs([a.path, tmp_path]) == found  # each once
    with pytest.raises(UserError, match="no folder"):
        find_runs(tmp_path / "nothing")


def test_runs_df_has_settings_scores_and_state(tmp_path: Path) -> None:
    write_run(tmp_path / "a", after={"qa": 0.75}, seed=1)
    write_run(tmp_path / "b", steps=1, seed=2)
    runs = runs_df(tmp_path).set_index("name")
    assert runs["seed"].tolist() == [1, 2]
    assert runs["lora.rank"].tolist() == [0, 0]
    assert runs["steps"].tolist() == [10, 10]
    assert runs["steps_done"].tolist() == [2, 1]
    assert runs.loc["a", "after.qa"] == 0.75
    assert pd.isna(runs.loc["b", "after.qa"])
    assert runs.loc["a", "before.scored.cov"] == 3
    assert runs["state"].tolist() == ["finished", "unfinished"]
    assert list(runs_df([]).columns) == ["path", "name", "state", "steps_done"]


def test_steps_df_is_numbers_only(tmp_path: Path) -> None:
    steps = steps_df(write_run(tmp_path / "run", steps=3).path)
    assert steps["step"].tolist() == [1, 2, 3]
    assert steps["loss"].tolist() == [0.1, 0.2, 0.3]
    assert steps["corr/qa~cov"].isna().all()
    assert steps.dtypes.astype(str).tolist() == ["int64", "float64", "float64"]


def test_captions_df_is_one_row_a_caption(tmp_path: Path) -> None:
    captions = captions_df(write_run(tmp_path / "run").path)
    assert heads_of(captions) == ("qa", "cov")
    assert captions["step"].tolist() == [1] * 4 + [2] * 4
    assert captions["row"].tolist() == [0, 1, 2, 3] * 2
    assert captions.loc[1, "cov.reason"] == "no answer"
    assert captions["cov"].isna().tolist() == [False, True, False, False] * 2
    assert captions["qa.reason"].isna().all()


def test_a_head_that_scored_nothing_in_a_step_still_has_numbers(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", steps=1, scores=[(0.1, None), (0.2, None)])
    captions = captions_df(run.path)
    assert captions["cov"].dtype == np.float64
    assert captions["cov"].isna().all()


def test_captions_df_reads_the_columns_and_steps_that_are_asked_for(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", steps=3).path
    whole = captions_df(run)
    part = captions_df(run, ["H.credit", "caption", "H", "nowhere"], steps=(2, 3))
    assert list(part.columns) == [
        "step", "row", "caption", "qa", "qa.credit", "cov", "cov.credit",
    ]  # fmt: skip
    later = whole[whole["step"] > 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, later[list(part.columns)])


def test_scores_df_is_the_same_cells_in_long_form(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    captions, scores = captions_df(run.path), scores_df(run.path)
    assert list(scores.columns) == [
        "step", "sample", "group", "row", "head", "raw", "gated", "credit", "reason",
    ]  # fmt: skip
    assert len(scores) == 2 * len(captions)
    for head in ("qa", "cov"):
        part = scores[scores["head"] == head].reset_index(drop=True)
        pd.testing.assert_series_equal(part["raw"], captions[head], check_names=False)
        pd.testing.assert_series_equal(part["row"], captions["row"])


def test_held_out_df_is_one_row_a_caption_and_side(tmp_path: Path) -> None:
    held_out = held_out_df(write_run(tmp_path / "run").path)
    assert held_out.loc[0, ["sample", "side", "caption", "qa"]].tolist() == [
        "h", "before", "a star", 0.5,
    ]  # fmt: skip
    assert np.isnan(held_out.loc[0, "cov"])


def test_a_run_is_read_before_its_first_step(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", steps=0)
    run.summary.unlink()
    run.captions.unlink()
    assert steps_df(run.path).empty
    assert captions_df(run.path).empty
    assert {"step", "caption", "advantage"} <= set(captions_df(run.path).columns)
    assert scores_df(run.path).empty
    assert held_out_df(run.path).empty
    assert runs_df(run.path).loc[0, "steps_done"] == 0


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_half_written_files_are_left_out(tmp_path: Path, share: float) -> None:
    run = write_run(tmp_path / "run", steps=3, after={})
    for path in (run.rollouts / "step_000003.parquet", run.summary, run.captions, run.metrics):
        cut(path, share)
    (run.rollouts / ".step_000004.parquet.17.part").write_bytes(b"PAR1")
    assert captions_df(run.path)["step"].unique().tolist() == [1, 2]
    assert len(scores_df(run.path)) == 16
    assert steps_df(run.path)["step"].tolist() == [1, 2, 3][: int(3 * share)]
    assert held_out_df(run.path).empty
    assert runs_df(run.path).loc[0, "state"] == "unfinished"
    cut(run.config, 0.0)
    assert runs_df(run.path).empty


def test_no_run_is_one_clear_error(tmp_path: Path) -> None:
    for reader in (steps_df, captions_df, scores_df, held_out_df):
        with pytest.raises(UserError, match="no run in"):
            reader(tmp_path)


def test_harmonic_mean_of_columns() -> None:
    means = harmonic_mean(POINTS, ["qa", "cov"])
    assert means["a"] == pytest.approx(2 / (1 / 0.9 + 1 / 0.2))
    assert np.isnan(means["d"])
    assert list(means.index) == list(POINTS.index)


def test_pareto_front_keeps_equals_and_leaves_out_the_unknown() -> None:
    # c loses to b in both; b and e are equal; d has no qa
    assert list(pareto_front(POINTS, ["qa", "cov"]).index) == ["a", "b", "e"]
    assert list(pareto_front(POINTS, ["cov"]).index) == ["d"]
    assert pareto_front(POINTS.loc[["d"]], ["qa", "cov"]).empty


def test_hypervolume() -> None:
    # the two rectangles 0.9 x 0.2 and 0.5 x 0.8 overlap in 0.5 x 0.2
    assert hypervolume(POINTS, ["qa", "cov"]) == pytest.approx(0.18 + 0.40 - 0.10)
    # above (0.4, 0.1): 0.5 x 0.1 and 0.1 x 0.7 overlap in 0.1 x 0.1
    assert hypervolume(POINTS, ["qa", "cov"], [0.4, 0.1]) == pytest.approx(0.05 + 0.07 - 0.01)
    assert hypervolume(POINTS, ["qa", "cov"], 0.95) == 0.0
    assert hypervolume(POINTS, ["cov"]) == 1.0
    cubes = pd.DataFrame({"x": [1.0, 0.5], "y": [0.5, 1.0], "z": [0.5, 0.5]})
    assert hypervolume(cubes, ["x", "y", "z"]) == pytest.approx(0.25 + 0.25 - 0.125)


def test_intervals() -> None:
    values = [0.1, 0.2, 0.3]
    # mean 0.2, s 0.1, t(2 degrees, 97.5%) = 4.3027: 0.2 +- 4.3027 * 0.1 / sqrt(3)
    low, high = t_interval([*values, np.nan]) or (0, 0)
    assert (low, high) == pytest.approx((0.2 - 0.248414, 0.2 + 0.248414), abs=1e-6)
    # of the 27 equally likely resamples one has the mean 0.1 and one 0.3: each 3.7% > 2.5%
    assert bootstrap_interval(values) == pytest.approx((0.1, 0.3))
    assert bootstrap_interval(range(9), seed=3) == bootstrap_interval(range(9), seed=3)
    narrow, wide = (bootstrap_interval(range(9), level) or (0, 0) for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < 4 < narrow[1] < wide[1]


@pytest.mark.parametrize("interval", [bootstrap_interval, t_interval])
def test_intervals_of_too_little(interval) -> None:  # type: ignore[no-untyped-def]
    assert interval([]) is None
    assert interval([0.5, np.nan]) is None
    assert interval([0.5, 0.5]) == (0.5, 0.5)
    with pytest.raises(ValueError, match="level is 95"):
        interval([0.1, 0.2], 95)


def test_importing_it_is_quick_and_needs_no_torch() -> None:
    """Under 1.5 times the processor time of pandas; three tries, for the machine may be busy."""
    tries = [seconds_to_import("balcap.analysis") / seconds_to_import("pandas")]
    while tries[-1] >= 1.5 and len(tries) < 3:
        tries.append(seconds_to_import("balcap.analysis") / seconds_to_import("pandas"))
    assert min(tries) < 1.5


def seconds_to_import(module: str) -> float:
    code = (
        f"import time, sys, {module}\n"
        "heavy = {'torch', 'transformers', 'trl', 'scipy', 'moocore'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(time.process_time())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_many_steps_are_read_in_a_moment(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", steps=100)
    start = time.monotonic()
    assert len(captions_df(run.path)) == 400
    assert time.monotonic() - start < 5
