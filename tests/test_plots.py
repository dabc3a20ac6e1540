"""The pictures say what the numbers say, and leave matplotlib as they found it."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from balcap.analysis import t_interval
from balcap.analysis.plots import (
    agreement,
    colour_of,
    curves,
    disagreement,
    dots,
    fronts,
    health,
    length_against_advantage,
    lengths,
    loudness,
    overlaid,
    tradeoff_paths,
)
from balcap.analysis.plots.lengths import thirds
from balcap.analysis.plots.style import STYLE, axis_label

HEADS = ("qa", "cov")
BAND = (0.5, 2.0)


def steps(count: int = 20, **more: float) -> pd.DataFrame:
    """Steps of a run: qa climbs, cov falls, and whatever else is asked for."""
    way = np.linspace(0.2, 0.8, count)
    frame = {"step": range(1, count + 1), "reward/qa/mean": way, "reward/cov/mean": 1 - way}
    return pd.DataFrame(frame).assign(**more)


def captions(count: int = 90) -> pd.DataFrame:
    """Captions whose advantage follows their length."""
    ratio = np.linspace(0.1, 2.5, count)
    return pd.DataFrame(
        {
            "step": np.arange(count) % 9 + 1,
            "ratio": ratio,
            "words": (ratio * 20).round(),
            "in_band": (ratio >= 0.5) & (ratio <= 2.0),
            "advantage": ratio - ratio.mean(),
            "qa.credit": ratio - ratio.mean(),
            "cov.credit": 0.0,
        }
    )


RUNS = pd.DataFrame(
    {
        "rewards": ["qa", "qa", "qa,cov", "qa,cov"],
        "seed": [0, 1, 0, 1],
        "after.qa": [0.9, 0.8, 0.5, 0.4],
        "after.cov": [0.1, 0.2, 0.6, 0.5],
    }
)


def labels(figure: Figure, panel: int) -> list[str]:
    return figure.axes[panel].get_legend_handles_labels()[1]


def test_matplotlib_is_left_as_it_was() -> None:
    before = {name: mpl.rcParams[name] for name in STYLE}
    curves(steps(), HEADS, BAND)
    assert {name: mpl.rcParams[name] for name in STYLE} == before


def test_a_head_has_the_same_colour_in_every_picture() -> None:
    for figure in (curves(steps(), HEADS, BAND), length_against_advantage(captions(), HEADS, BAND)):
        lines = [line for axes in figure.axes for line in axes.get_lines()]
        found = {line.get_label(): line.get_color() for line in lines}
        assert [found[head] for head in HEADS] == [colour_of(0), colour_of(1)]


def test_the_bold_line_is_the_mean_over_the_last_tenth() -> None:
    bold = curves(steps(20), HEADS, BAND).axes[0].get_lines()[1]
    # a tenth of 20 steps is 2: the last point is the mean of the last two scores
    last = steps(20)["reward/qa/mean"].iloc[-2:].mean()
    assert bold.get_ydata()[-1] == pytest.approx(last)


def test_length_is_in_words_where_there_is_no_reference() -> None:
    with_reference = curves(steps(**{"length/ratio": 0.9, "length/words": 30.0}), HEADS, BAND)
    assert labels(with_reference, 1) == ["band of the gate", "caption / reference"]
    without = curves(steps(**{"length/ratio": np.nan, "length/words": 30.0}), HEADS, BAND)
    assert labels(without, 1) == ["words"]
    no_gate = curves(steps(**{"length/ratio": 0.9}), HEADS, None)
    assert labels(no_gate, 1) == ["caption / reference"]


def test_unscored_cells_are_shown_where_there_are_any() -> None:
    none = {"reward/qa/dead_groups": 0.1, "reward/qa/unscored": 0.0}
    assert labels(health(steps(**none), HEADS), 0) == ["qa"]
    some = {"reward/qa/dead_groups": 0.1, "reward/qa/unscored": 0.2}
    assert labels(health(steps(**some), HEADS), 0) == ["qa", "qa, unscored"]


def test_every_pair_of_heads_has_its_path() -> None:
    frame = steps(**{"reward/fluency/mean": 0.5})
    figure = tradeoff_paths(frame, (*HEADS, "fluency"))
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "cov against qa", "fluency against qa", "fluency against cov",
    ]  # fmt: skip
    first, last = (line.get_xydata()[0] for line in figure.axes[0].get_lines())
    assert first == pytest.approx((0.2, 0.8))
    assert last[0] > 0.7
    assert last[1] < 0.3


def test_thirds_of_nine_steps_are_three_each() -> None:
    column = pd.Series(range(1, 10))
    first, last = thirds(column)
    assert column[first].tolist() == [1, 2, 3]
    assert column[last].tolist() == [7, 8, 9]


def test_an_advantage_that_is_length_is_called_so() -> None:
    figure = length_against_advantage(captions(), HEADS, BAND)
    assert "mean (r = +1.00)" in labels(figure, 0)
    assert {"in the band", "outside"} <= set(labels(figure, 0))
    assert "outside" not in labels(length_against_advantage(captions(), HEADS, None), 0)


def test_length_in_words_where_no_caption_has_a_reference() -> None:
    frame = captions().assign(ratio=np.nan, in_band=True)
    figure = length_against_advantage(frame, HEADS, BAND)
    assert figure.axes[0].get_xlabel() == "length in words"


def test_the_front_goes_through_the_best_runs() -> None:
    figure = fronts(RUNS, ["after.qa", "after.cov"], ["rewards"])
    front = figure.axes[0].get_lines()[0].get_xydata()
    # 0.4, 0.5 is worse than 0.5, 0.6 in both; the other three stand
    assert front.tolist() == [[0.5, 0.6], [0.8, 0.2], [0.9, 0.1]]


def test_dots_show_runs_mean_and_interval() -> None:
    figure = dots(RUNS, ["rewards"], ["after.qa"], start={"after.qa": 0.3})
    interval, each, mean, *_ = figure.axes[0].get_lines()
    assert tuple(interval.get_xdata()) == t_interval([0.9, 0.8])
    assert list(each.get_xdata()) == [0.9, 0.8]
    assert list(mean.get_xdata()) == pytest.approx([0.85])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["qa", "qa,cov"]


def test_one_run_has_no_interval() -> None:
    [mean] = dots(RUNS.head(1), ["rewards"], ["after.qa"]).axes[0].get_lines()
    assert list(mean.get_xdata()) == [0.9]


def test_a_changed_sign_is_counted() -> None:
    advantages = pd.DataFrame({"grpo": [1.0, -1.0, 2.0, -2.0], "gdpo": [1.0, 1.0, 2.0, -3.0]})
    figure = disagreement(advantages, [("grpo", "gdpo")])
    assert figure.axes[0].get_title(loc="left") == "25% change sign"  # one of four


def test_shares_and_correlations_are_written_into_the_picture() -> None:
    bars = loudness({"grpo": {"qa": 0.75, "cov": 0.25}})
    assert [text.get_text() for text in bars.axes[0].texts] == ["75%", "25%"]
    square = pd.DataFrame([[1.0, 0.5], [0.5, np.nan]], index=list("ab"), columns=list("ab"))
    assert [text.get_text() for text in agreement(square).axes[0].texts] == [
        "1.00",
        "0.50",
        "0.50",
        "",
    ]


def test_a_run_of_one_step_can_be_drawn(tmp_path_factory: pytest.TempPathFactory) -> None:
    one = steps(1)
    for figure in (
        curves(one, HEADS, BAND),
        health(one, HEADS),
        tradeoff_paths(one, HEADS),
        length_against_advantage(captions(1), HEADS, BAND),
        overlaid({"a": one, "b": one.drop(columns="reward/cov/mean")}, ["reward/cov/mean"]),
    ):
        figure.savefig(tmp_path_factory.mktemp("one") / "figure.svg")


def test_columns_are_told_in_words() -> None:
    assert axis_label("after_greedy.qa") == "qa, after greedy"
    assert axis_label("after.harmonic_mean") == "harmonic mean, after"
    assert axis_label("rewards") == "rewards"


def test_what_rounding_leaves_of_heads_that_cancel_has_no_trend() -> None:
    """Credit of +z and -z, and advantages of 1e-17 that happen to grow with the length."""
    frame = captions()
    z = np.where(np.arange(len(frame)) % 2, 1.0, -1.0)
    rest = 1e-17 * frame["words"]
    frame = frame.assign(**{"qa.credit": z, "cov.credit": -z, "advantage": rest})
    for axes in length_against_advantage(frame, HEADS, BAND).axes:
        assert not any("(r =" in str(line.get_label()) for line in axes.get_lines())


def test_a_cloud_shows_captions_of_all_its_steps_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Means and correlations stay those of all."""
    whole, _, _ = length_against_advantage(captions(), HEADS, None).axes
    points = sum(len(line.get_xdata()) for line in whole.lines if line.get_marker() == "o")
    monkeypatch.setattr(lengths, "POINTS", points // 3)
    some, _, _ = length_against_advantage(captions(), HEADS, None).axes
    fewer = sum(len(line.get_xdata()) for line in some.lines if line.get_marker() == "o")
    assert points // 4 <= fewer <= points // 3
    [mean], [same] = (
        [line for line in axes.lines if line.get_label().startswith("mean")]
        for axes in (whole, some)
    )
    assert mean.get_label() == same.get_label()
    assert mean.get_xydata().tolist() == same.get_xydata().tolist()
