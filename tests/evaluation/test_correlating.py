"""Rank correlation of models: worked numbers, tables of every form, the published leaderboard."""

import json
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.config import CorrelateSettings
from balcap.errors import UserError
from balcap.evaluation.comparing.correlate import correlate
from balcap.evaluation.comparing.published import published
from balcap.evaluation.comparing.rank_correlation import kendall, spearman

# Ranks 1 2 3 4 against 1 3 2 4: rho = 1 - 6 x (0 + 1 + 1 + 0) / (4 x 15) = 0.8;
# five of six pairs agree and one does not: tau = (5 - 1) / 6.
METRIC, HUMAN = [0.1, 0.2, 0.5, 0.9], [-80.0, 10.0, -5.0, 44.0]


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_worked_coefficients() -> None:
    assert spearman(METRIC, HUMAN).value == pytest.approx(0.8)
    assert kendall(METRIC, HUMAN).value == pytest.approx(4 / 6)


def test_only_ranks_count_and_turning_one_round_turns_the_sign() -> None:
    assert spearman([x**3 for x in METRIC], HUMAN).value == pytest.approx(0.8)
    assert spearman([-x for x in METRIC], HUMAN).value == pytest.approx(-0.8)
    assert kendall(METRIC, METRIC).value == pytest.approx(1)
    assert kendall(METRIC, METRIC).interval == pytest.approx((1, 1))


def test_intervals_hold_the_value_and_come_again_by_their_seed() -> None:
    metric, human = [1.0, 2, 3, 4, 5, 6, 7, 8], [1.0, 3, 2, 4, 6, 5, 8, 7]
    for coefficient in (spearman, kendall):
        found = coefficient(metric, human, 1)
        assert found.value is not None
        assert found.interval is not None
        assert -1 <= found.interval[0] < found.value < found.interval[1] <= 1
        assert found == coefficient(metric, human, 1)


def test_where_it_is_not_defined_there_is_no_number() -> None:
    assert spearman([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]).value is None
    assert kendall([1.0], [1.0]).value is None
    assert spearman([1.0, 2.0], [1.0, 2.0]).interval is None


FORMS = {
    "rows.json": json.dumps(
        [
            {"model": f"m{i}", "b": b, "human": h}
            for i, (b, h) in enumerate(zip(METRIC, HUMAN, strict=True))
        ]
    ),
    "columns.json": json.dumps(
        {f"m{i}": {"b": b, "human": h} for i, (b, h) in enumerate(zip(METRIC, HUMAN, strict=True))}
    ),
    "table.csv": "# a comment\nname,b,human,note\n"
    + "".join(f"m{i},{b},{h},x\n" for i, (b, h) in enumerate(zip(METRIC, HUMAN, strict=True)))
    + "m4,0.7,,no human score\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_tables_of_every_form(tmp_path: Path, name: str) -> None:
    table = write(tmp_path, name, FORMS[name])
    found = correlate(CorrelateSettings(table=table, metric="b", reference="human"))
    assert found["n_models"] == 4
    assert found["spearman"]["value"] == pytest.approx(0.8)
    assert found["kendall"]["value"] == pytest.approx(4 / 6)
    assert found["without_reference"] == (["m4"] if name == "table.csv" else [])


def test_the_published_leaderboard_is_the_reference_unless_told_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three of its models in another order than there (56.17, 44.00, -94): rho = 0.5, tau = 1/3."""
    scores = {"Gemini-1.5-Pro": 50.0, "GPT-4o-0806": 60.0, "LLaVA-1.5-7B": 20.0, "Mine": 70.0}
    table = write(tmp_path, "scores.json", json.dumps(scores))
    out = tmp_path / "found.json"
    assert main(["eval", "correlate", str(table), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "3 models, against published:caparena" in told
    assert "without a reference: Mine" in told
    found = json.loads(out.read_text())
    assert found["spearman"]["value"] == pytest.approx(0.5)
    assert found["kendall"]["value"] == pytest.approx(1 / 3)
    assert len(found["without_metric"]) == len(published("caparena")) - 3


@pytest.mark.parametrize(
    ("text", "more", "told"),
    [
        ("[1, 2]", {}, "is no table"),
        ('[{"b": 1}]', {}, "no column 'model'"),
        ('[{"model": "x", "b": 1}, {"model": "x", "b": 2}]', {}, "'x' twice"),
        ('{"x": {"b": 1, "c": 2}}', {}, "2 columns of numbers; --metric is one of b, c"),
        ('{"x": {"b": 1}}', {"metric": "d"}, "no numbers in a column 'd'"),
        ('{"x": {"b": 1}}', {"reference": "published:prisms"}, "knows no published scores"),
        ('{"x": {"b": 1}}', {}, "0 models have both scores"),
        ("{", {}, "cannot read"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, more: dict, told: str) -> None:
    with pytest.raises(UserError, match=told):
        correlate(CorrelateSettings(table=write(tmp_path, "table.json", text), **more))
