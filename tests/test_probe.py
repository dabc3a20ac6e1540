"""`balcap probe`: a reward that can be gamed is found out, a good one passes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.rule import AdvantageRule
from balcap.cli import main
from balcap.config import DataSettings, ProbeSettings, ShapesSettings
from balcap.data import shapes
from balcap.evaluation.probe.attacks import ATTACKS
from balcap.evaluation.probe.findings import findings, sums
from balcap.evaluation.probe.honest import honest
from balcap.evaluation.probe.running import HONEST, attacks_of, probed, score_all, weigh, write
from balcap.evaluation.probe.table import shown
from balcap.heads import Head, Selected
from balcap.types import Question, Sample, Unscored

HEADS = Path(__file__).parent / "helpers" / "probe_heads.py"
LENGTH, TRUTH, PICKY = (f"{HEADS}:{name}" for name in ("Length", "Truth", "Picky"))


def probe(out: Path, *words: str) -> int:
    small = ("--shapes.train", "1", "--eval-samples", "6")  # the data are made quickly
    return main(["probe", *small, "--samples", "6", "--out", str(out), *words])


def test_a_head_that_likes_length_fails_and_the_attacks_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe(tmp_path, "--rewards", LENGTH) == 1
    told = capsys.readouterr().out
    winners = told.partition("beat honest captions")[2]
    for name in ("ramble", "sentences-twice", "mood-added"):
        assert f"  {name}: +" in winners
    for name in ("empty", "one-word", "keyword-pile"):  # shorter
        assert f"  {name}: " not in winners
    free = told.partition("Nothing stands against ")[2]
    assert "words-shuffled" in free  # as long as before


def test_a_head_that_knows_the_truth_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe(tmp_path, "--rewards", TRUTH) == 0
    assert "No attack beats the honest captions" in capsys.readouterr().out


def test_a_margin_below_0_asks_of_every_attack_to_lose(tmp_path: Path) -> None:
    words = ("--rewards", TRUTH, "--attacks", "empty,mood-added")
    assert probe(tmp_path, *words, "--margin=-0.05") == 0
    # the head gives an honest caption at most 1, and an empty one 0
    assert probe(tmp_path, *words, "--margin=-1") == 1


def test_a_margin_that_is_large_enough_lets_a_bad_head_pass(tmp_path: Path) -> None:
    assert probe(tmp_path, "--rewards", LENGTH, "--margin", "1") == 0


def test_the_gate_stops_a_ramble(tmp_path: Path) -> None:
    words = ("--rewards", LENGTH, "--attacks", "ramble")
    assert probe(tmp_path, *words) == 1
    assert probe(tmp_path, *words, "--gate-heads", "length") == 0
    (found,) = json.loads((tmp_path / "probe.json").read_text())["attacks"]
    assert found["caught_by"] == "gate"
    assert found["total"] == 0  # three times the reference is out of the band
    assert found["gaps"]["length"] > 0  # before the gate


def test_table_picture_and_numbers_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe(tmp_path / "new", "--rewards", f"{LENGTH},{TRUTH}=2")
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 100
    assert all(f"\n{name} " in told for name in ATTACKS)
    with Image.open(tmp_path / "new" / "probe.png") as picture:
        assert min(picture.size) > 300
    kept = json.loads((tmp_path / "new" / "probe.json").read_text())
    assert kept["weights"] == {"length": 1.0, "truth": 2.0}
    assert [one["attack"] for one in kept["attacks"]] == list(ATTACKS)
    assert {one["attack"] for one in kept["captions"]} == {*ATTACKS, "honest", "company"}


def test_the_same_seed_gives_the_same_numbers_and_another_one_others(tmp_path: Path) -> None:
    kept = []
    for seed in ("1", "1", "2"):
        words = ("--seed", seed, "--attacks", "mood,words-shuffled,another-image")
        probe(tmp_path, "--rewards", LENGTH, *words)
        kept.append(json.loads((tmp_path / "probe.json").read_text())["captions"])
    assert kept[0] == kept[1] != kept[2]


def test_an_attack_is_written_the_same_whatever_stands_beside_it() -> None:
    _, samples = shapes.load(DataSettings(eval_samples=4, shapes=ShapesSettings(train=1)))
    every, _ = write(samples, attacks_of((), None), seed=0)
    alone, _ = write(samples, attacks_of(("mood",), None), seed=0)
    assert [t for t in every if t.attack == "mood"] == [t for t in alone if t.attack == "mood"]


def test_what_the_data_cannot_serve_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "data.jsonl"
    rows = [{"id": str(i), "caption": f"A cup number {i}. It stands there."} for i in range(8)]
    file.write_text("\n".join(map(json.dumps, rows)))
    assert probe(tmp_path, "--rewards", LENGTH, "--data", f"records:{file}") == 1
    told = capsys.readouterr().out
    assert "options-listed: no questions (" in told
    assert "colours-swapped: no colours in the captions (" in told
    assert "\noptions-listed " not in told


def test_data_without_references_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text('{"id": "a", "image": "a.png", "facts": ["A cup."]}\n')
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    assert probe(tmp_path, "--rewards", LENGTH, "--data", f"records:{file}") == 2
    assert "has a reference" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--attacks", "rambel"), "did you mean 'ramble'?"),
        (("--samples", "0"), "samples is 0"),
        (("--margin", "nan"), "margin is nan"),
        (("--length-unit", "tokens"), "length_unit is 'tokens'"),
    ],
)
def test_mistakes_are_one_message(
    words: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe(tmp_path, "--rewards", LENGTH, *words) == 2
    assert message in capsys.readouterr().err


def test_captions_without_a_score_are_not_compared_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Picky has no score for a text that says "calm"; such a pair is neither a win nor a loss.
    assert probe(tmp_path, "--rewards", PICKY, "--attacks", "empty,ramble,mood") == 0
    told = capsys.readouterr().out
    assert "are not compared" in told
    assert "picky: calm" in told
    found = json.loads((tmp_path / "probe.json").read_text())["attacks"]
    by_name = {one["attack"]: one for one in found}
    assert by_name["empty"]["compared"] == by_name["empty"]["captions"] == 12
    assert by_name["ramble"]["compared"] < 12


def test_a_head_without_any_score_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe(tmp_path, "--rewards", f"{HEADS}:Silent") == 1
    assert "nobody at home" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--help"]) == 0
    told = capsys.readouterr().out
    assert "--margin X" in told
    assert "balcap probe --rewards qa,cov,fluency --data shapes" in told


def test_honest_captions_are_the_reference_and_two_thirds_of_it() -> None:
    def of(*lines: str) -> dict[str, str]:
        return honest(Sample(id="a", prompt="", reference=" ".join(lines)))

    assert of("One.") == {"whole": "One."}
    assert of("One.", "Two.") == {"whole": "One. Two.", "part": "One."}
    assert of("One.", "Two.", "Three.", "Four.")["part"] == "One. Two. Three."  # 2.67, rounded up
    assert of("A.", "B.", "C.", "D.", "E.", "F.")["part"] == "A. B. C. D."


class Table(Head):  # type: ignore[type-arg]
    """Scores by a table of texts; what is not in it scores 0."""

    def __init__(self, name: str, scores: dict[str, float | Unscored]) -> None:
        super().__init__()
        self.name = name  # type: ignore[misc]
        self.scores = scores

    def score(self, captions):
        return [self.scores.get(caption.text, 0.0) for caption in captions]


WORKED = Sample(
    id="a",
    prompt="Describe.",
    reference="One two three.",
    questions=(Question("?", ("x", "y"), 0),),
)
WHOLE, LISTED, EMPTY = "One two three.", "X, y.", ""


def tried(first: dict, second: dict, **settings: object):
    heads = (Table("first", first), Table("second", second))
    weights = {"first": 1.0, "second": 3.0}
    given = ProbeSettings(rewards="first,second", **settings)
    trials, left_out = write([WORKED], attacks_of(("empty", "options-listed"), None), 0)
    scored = score_all(trials, heads, lambda name: None)
    rule = AdvantageRule.of(given, weights)
    done = weigh(trials, scored, rule, "words", left_out)
    return done, findings(done, Selected(heads, weights, heads))


def test_worked_sum_and_catcher() -> None:
    done, (empty, listed) = tried({WHOLE: 0.8, LISTED: 0.9}, {WHOLE: 0.6, LISTED: 0.2})
    # weights 1 and 3: honest (0.8 + 3 * 0.6) / 4 = 0.65; listed (0.9 + 0.6) / 4 = 0.375
    assert listed.honest_total == pytest.approx(0.65)
    assert listed.total == pytest.approx(0.375)
    assert listed.against == {"whole": pytest.approx(-0.275), "part": None}  # one sentence only
    assert listed.gaps == {"first": pytest.approx(0.1), "second": pytest.approx(-0.4)}
    assert (listed.caught_by, listed.drop) == ("second", pytest.approx(0.4))
    assert listed.beats == 0
    assert empty.total == 0
    assert (empty.caught_by, empty.drop) == ("first", pytest.approx(0.8))
    assert "options-listed" in shown(done, [empty, listed], 0.0)


def test_a_tie_is_no_win_and_nobody_catches_it() -> None:
    _, (_, listed) = tried({WHOLE: 1.0, LISTED: 1.0}, {WHOLE: 0.5, LISTED: 0.5})
    assert listed.beats == 0
    assert not listed.wins(0.0)
    assert listed.wins(-0.01)
    assert listed.caught_by is None


def test_an_advantage_is_what_training_would_give() -> None:
    # One group: the reference, its first sentence (the same text), and the attack; another image's
    # reference is missing. Dr.GRPO: score minus the group's mean, of sums 1 + 3 = 4, 4 and 1:
    # 4 - 3 = 1 and 1 - 3 = -2.
    settings = {"normalizer": "dr_grpo", "gate": "none"}
    _, (_, listed) = tried({WHOLE: 1.0, LISTED: 1.0}, {WHOLE: 1.0}, **settings)
    assert listed.advantage == pytest.approx(-2)
    assert listed.honest_advantage == pytest.approx(1)


@pytest.mark.parametrize("mode", ["exclude", "post"])
def test_a_head_that_the_gate_takes_out_compares_nothing(mode: str) -> None:
    # LISTED has 2 of 3 words, out of a band from 0.9 on: `first` is gone, `second` decides.
    given = {"gate": mode, "gate_heads": "first", "gate_low": 0.9, "gate_high": 1.1}
    _, (_, listed) = tried({WHOLE: 0.2, LISTED: 1.0}, {WHOLE: 0.6, LISTED: 0.5}, **given)
    assert listed.total == pytest.approx(0.5)
    assert listed.honest_total == pytest.approx(0.6)


def test_a_pair_without_a_score_has_no_sum() -> None:
    lost = Unscored("timed out", "judge")
    done, (_, listed) = tried({WHOLE: 0.2, LISTED: lost}, {WHOLE: 0.6, LISTED: 0.5})
    assert (listed.total, listed.compared, listed.beats) == (None, 0, None)
    assert not listed.wins(-1.0)
    rows, originals = done.rows("options-listed"), done.rows(HONEST)
    assert np.isnan(sums(done, rows, originals)).all()
    told = shown(done, [listed], 0.0)
    assert "first: timed out (1 captions)" in told
    assert "Not known of options-listed" in told
    assert isinstance(done.matrix, RewardMatrix)


def test_only_samples_with_a_reference_are_attacked() -> None:
    without = Sample(id="b", prompt="Describe.")
    assert [*probed([WORKED, without], 5, 0)] == [WORKED]
