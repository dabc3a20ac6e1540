"""Advantages recomputed from what a run has stored: the same to the last bit, or as told."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from balcap.advantage.gates import find_gate
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers import advantages
from balcap.advantage.normalizers.rvpo import RVPO
from balcap.advantage.rule import AdvantageRule, progress_at
from balcap.analysis import captions_df, heads_of, replayed_df
from balcap.analysis.replay import replayed
from balcap.analysis.replay_command import compare, most_changed
from balcap.cli import main
from balcap.errors import UserError
from helpers.runs import train_briefly, write_run


@pytest.fixture(scope="module", params=["zero", "exclude"])
def trained(
    request: pytest.FixtureRequest,
    fresh_policies: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    path = tmp_path_factory.mktemp("runs") / "trained"
    return train_briefly(fresh_policies["llava-1.5"], path, "--gate", request.param).path


def test_with_its_own_settings_a_run_is_reproduced_exactly(trained: Path) -> None:
    captions = replayed_df(trained)
    # the run has what makes this hard: unscored cells, and captions in and out of the band
    assert captions["picky"].isna().any()
    assert captions["in_band"].nunique() == 2
    assert (captions["advantage"] != 0).any()
    assert (captions["replayed"] - captions["advantage"]).abs().max() == 0
    assert captions["replayed_in_band"].equals(captions["in_band"])
    for head in heads_of(captions):
        assert (captions[f"{head}.replayed"] - captions[f"{head}.credit"]).abs().max() == 0


def test_a_rule_that_changes_on_the_way_is_reproduced_at_every_step(tmp_path: Path) -> None:
    rule = AdvantageRule(RVPO(), {"qa": 1.0, "cov": 1.0}, find_gate("none")(), (), (0.5, 2.0))
    captions = captions_df(write_run(tmp_path / "run", normalizer="rvpo", steps=2).path)
    captions["group"] = 0  # four captions a step: of two, all rules say the same
    new = replayed(captions, rule, steps=10)
    first, second = (part for _, part in new.groupby("step"))
    # the same scores, but beta is 0.5 at step 1 of 10, and 0.5 + 1.5 / 9 at step 2
    assert progress_at(2, 10) == 1 / 9
    assert first["replayed"].tolist() != second["replayed"].tolist()
    matrix = RewardMatrix(
        np.nan_to_num(second[["qa", "cov"]].to_numpy(dtype=float)),
        second[["qa", "cov"]].notna().to_numpy(),
        np.zeros(4, dtype=int),
        ("qa", "cov"),
    )
    constant = advantages(matrix, "rvpo", beta=RVPO().beta_at(1 / 9), beta_end=None)
    assert second["replayed"].tolist() == constant.tolist()


def test_it_needs_no_head_and_no_torch(trained: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from balcap.cli import main; "
        f"assert main(['replay', {str(trained)!r}, '--normalizer', 'grpo']) == 0; "
        "heavy = [name for name in sys.modules "
        "if name in ('torch', 'transformers') or 'helpers_heads' in name]; "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_other_settings_are_what_the_rule_makes_of_the_stored_scores(trained: Path) -> None:
    changes = {"normalizer": "rvpo", "gate": "none"}
    new = replayed_df(trained, weights={"letters": 1.0, "brief": 0.5}, **changes)
    first = new[new["step"] == 1]
    matrix = RewardMatrix(
        values=first[["letters", "brief"]].to_numpy(),
        scored=np.ones((len(first), 2), dtype=bool),
        group=first["group"].to_numpy(),
        heads=("letters", "brief"),
    )
    rule = AdvantageRule(
        RVPO(), {"letters": 1.0, "brief": 0.5}, find_gate("none")(), (), (0.06, 2.0)
    )
    expected = rule(matrix, first["ratio"].to_numpy())
    # picky is not in this matrix at all: a head that is left out is as if it had not been there
    assert first["replayed"].tolist() == pytest.approx(expected.advantage.tolist(), abs=1e-12)


def test_every_setting_changes_what_it_says(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", normalizer="dr_grpo", steps=1).path
    # dr_grpo: sum of the heads minus the group's mean; groups (0.2+0.9, 0.4) and (0.7, 1.1)
    assert replayed_df(run)["replayed"].tolist() == pytest.approx([0.35, -0.35, -0.2, 0.2])
    qa = replayed_df(run, weights={"qa": 2.0})
    assert qa["replayed"].tolist() == pytest.approx([-0.2, 0.2, -0.2, 0.2])
    assert (qa["cov.replayed"] == 0).all()
    # every length ratio is 1: outside the band 1.5 to 2, so both scores of qa become 0
    gated = replayed_df(
        run, weights={"qa": 1.0}, gate="zero", gate_heads="qa", gate_low=1.5, gate_high=2.0
    )
    assert (gated["replayed"] == 0).all()
    assert gated["in_band"].all()
    assert not gated["replayed_in_band"].any()


def test_what_the_run_did_not_score_is_named(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run").path
    with pytest.raises(UserError, match=r"'cvo'.*it scored qa, cov \(did you mean 'cov'"):
        replayed_df(run, weights={"cvo": 1.0})
    with pytest.raises(UserError, match="no head has a weight above 0"):
        replayed_df(run, weights={"qa": 0.0})
    with pytest.raises(UserError, match="no normalizer 'gdpoo'"):
        replayed_df(run, normalizer="gdpoo")
    with pytest.raises(UserError, match="no rollouts yet"):
        replayed_df(write_run(tmp_path / "new", steps=0).path)


def test_the_comparison_counts_signs() -> None:
    frame = pd.DataFrame(
        {
            "step": [1, 1, 1, 2, 2],
            "advantage": [1.0, -1.0, 0.0, 0.5, -0.5],
            "replayed": [-2.0, -1.0, 0.3, 0.0, -0.5],
        }
    )
    found = compare(frame)
    assert (found.flips, found.silenced, found.roused) == (1, 1, 1)
    assert found.largest == 3.0
    # step 1: ranks 3 1 2 and 1 2 3, squared differences 4 + 1 + 1: 1 - 6 * 6 / (3 * 8) = -0.5
    assert found.by_step == pytest.approx((-0.5, 1.0))


def test_larger_numbers_alone_are_no_change() -> None:
    frame = pd.DataFrame({"advantage": [1.0, -1.0, 2.0, -2.0], "replayed": [10.0, -10.0, 20.0, 5]})
    assert most_changed(frame, 1).index.tolist() == [3]


def test_the_command_says_so_when_nothing_changes(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(trained)]) == 0
    shown = capsys.readouterr().out
    assert "largest difference 0" in shown
    assert "letters=2,picky=1,brief=1" in shown


def test_the_command_shows_captions_and_writes_both_advantages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = write_run(tmp_path / "run", steps=1).path, tmp_path / "both.parquet"
    words = ["--normalizer", "grpo", "--only", "qa,cov=0.5", "--show", "2", "--out", str(out)]
    assert main(["replay", str(run), *words]) == 0
    shown = capsys.readouterr().out
    assert "qa=1,cov=0.5" in shown
    assert shown.count(" -> ") == 2
    assert "    caption " in shown
    both = pd.read_parquet(out)
    own = captions_df(run)
    assert both["advantage"].tolist() == own["advantage"].tolist()
    assert (
        both["replayed"].tolist()
        == replayed_df(run, normalizer="grpo", weights={"qa": 1.0, "cov": 0.5})["replayed"].tolist()
    )


def test_the_captions_that_are_shown_are_those_that_change_most(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --out their texts are read afterwards, from the files of their steps."""
    run = write_run(tmp_path / "run", steps=3).path
    most = most_changed(replayed_df(run, weights={"cov": 1.0}), 5)
    assert len({*zip(most["step"], most["caption"], strict=True)}) == 5
    assert main(["replay", str(run), "--only", "cov", "--show", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    heads = [place for place, line in enumerate(lines) if " -> " in line]
    shown = [(lines[at].split("  ")[1].split(",")[0], lines[at + 1].strip()) for at in heads]
    assert shown == [(f"step {row.step}", row.caption) for row in most.itertuples()]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no run to replay"),
        (["nowhere"], "no run in 'nowhere'"),
        (["RUN", "--only", "cvo=1"], "did you mean 'cov'"),
        (["RUN", "--only", "qa=-1"], "at least 0"),
        (["RUN", "--weights.qa", "-1"], "weights.qa is -1.0; it must be a number of at least 0"),
        (["RUN", "--weights", "qa=1"], "write --only qa=1 to leave all other heads out"),
        (["RUN", "--gd2po.tau", "0.5"], "gd2po.tau is for 'gd2po', which is not selected"),
        (["RUN", "--gate", "zeero"], "did you mean 'zero'"),
        (["RUN", "--gate-heads", "fluency"], "fluency"),
        (["RUN", "--gate-low", "3"], "gate_low < gate_high"),
        (["RUN", "--out", "a.csv"], "must end in .parquet"),
        (["RUN", "--show", "-1"], "at least 0"),
    ],
)
def test_a_mistake_is_one_message(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(write_run(tmp_path / "run", steps=1).path)
    assert main(["replay", *(run if word == "RUN" else word for word in words)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("balcap replay: error: ")
    assert message in error
