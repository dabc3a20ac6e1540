"""balcap judge check: judges whose fitness is known get the numbers that the rules give."""

import json
from collections import Counter
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.config.judge_check import JudgeCheckSettings
from balcap.errors import JudgeError, UnusableAnswerError, UserError
from balcap.evaluation.judge_check.asking import Asked
from balcap.evaluation.judge_check.measures import agreement, measure, position_bias
from balcap.evaluation.judge_check.verdict import rows_of, sentence
from balcap.heads.reading import Menu, Reading
from balcap.types import Question

JUDGES = Path(__file__).parents[1] / "helpers" / "known_judges.py"
CAR = Question("Which colour?", ("red", "blue"), 0, kind="colour")


def check(tmp_path, judge, *words, source=JUDGES):
    """Exit code and numbers of a check of 5 scenes of the shapes world, 30 questions."""
    out = tmp_path / "check.json"
    code = main([
        "judge", "check", "--judge.backend", "scripted", "--judge.model", f"{source}:{judge}",
        "--judge.cache", str(tmp_path / "answers.sqlite"), "--samples", "5", "--out", str(out),
        *words,
    ])  # fmt: skip
    return code, json.loads(out.read_text()) if out.exists() else None


def test_a_perfect_reader_is_fit(tmp_path, capsys):
    code, found = check(tmp_path, "perfect")
    assert (code, found["fit"], found["out_of_bounds"]) == (0, True, [])
    assert found["accuracy"]["value"] == found["gain"]["value"] == found["agreement"] == 1.0
    assert found["blind"]["value"] == found["position_bias"] == found["abstention"] == 0.0
    assert (found["blind_abstention"], found["unusable"], found["chance"]) == (1.0, 0.0, 0.25)
    # 30 questions of four options, in four draws each option at each letter once
    assert found["picked"] == found["right"] == {"A": 30, "B": 30, "C": 30, "D": 30}
    assert set(found["by_kind"]) == {"colour", "size", "place", "count", "relation", "background"}
    assert "is fit to reward" in capsys.readouterr().out
    assert found["questions_per_second"] > 0
    # asked again, nothing is asked: all is known
    again = check(tmp_path, "perfect")[1]
    assert again["questions_per_second"] is None
    same = set(found) - {"questions_per_second"}
    assert all(again[name] == found[name] for name in same)


def test_a_judge_that_always_says_a_is_right_by_chance_and_unfit(tmp_path, capsys):
    code, found = check(tmp_path, "always_a")
    assert code == 1
    # every option stands behind A once in four draws
    assert found["accuracy"]["value"] == found["blind"]["value"] == 0.25
    assert found["gain"]["value"] == 0.0
    assert found["agreement"] == 0.0
    # |1 - 1/4| + 3 x |0 - 1/4|, halved
    assert found["position_bias"] == 0.75
    assert found["out_of_bounds"] == [
        "accuracy with the caption", "gain by the caption", "position bias",
        "agreement with itself",
    ]  # fmt: skip
    assert "prefers some letters (position bias 0.750, <= 0.15)" in capsys.readouterr().out


def test_bounds_can_be_set(tmp_path):
    code, _ = check(
        tmp_path, "always_a", "--min-accuracy", "0.2", "--min-gain", "0", "--max-position-bias",
        "0.8", "--min-agreement", "0",
    )  # fmt: skip
    assert code == 0


def test_a_judge_that_babbles_is_unfit_and_nothing_is_claimed_of_it(tmp_path, capsys):
    code, found = check(tmp_path, "babbles")
    assert (code, found["unusable"], found["accuracy"]["value"]) == (1, 1.0, None)
    said = capsys.readouterr().out.splitlines()
    (verdict,) = [line for line in said if "is not fit" in line]
    assert verdict.endswith(
        "it gives answers that cannot be used (unusable or no answer 1.000, <= 0.05)"
    )


def test_a_judge_that_is_not_there_is_another_exit_code(tmp_path, capsys):
    (tmp_path / "gone.py").write_text(
        "from balcap.errors import JudgeError\n\n\ndef gone(request):\n"
        "    raise JudgeError('timed out')\n"
    )
    code, found = check(tmp_path, "gone", source=tmp_path / "gone.py")
    assert (code, found) == (3, None)
    assert "answered none of 240 questions: timed out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["judge", "check"], "judge check asks a judge, and none is set"),
        (["judge", "check", "--min-accuracy", "2"], "min_accuracy is 2.0; it must be between"),
        (["judge", "check", "--draws", "0"], "draws is 0; it must be at least 1"),
        (["judge", "check", "--out", "x.txt"], "must end in .json"),
        (
            ["judge", "check", "--answer", "gain", "--judge.backend", "scripted",
             "--judge.model", f"{JUDGES}:always_a"],
            "answers with texts only; set answer letter",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_one_message_before_anything_is_asked(words, message, capsys):
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_the_users_own_questions_with_captions_from_a_file(tmp_path, capsys):
    rows = [
        {"id": name, "image": f"{name}.png", "caption": "A long reference.",
         "questions": [{"question": f"Which {name}?", "choices": ["one", "two", "three"],
                        "answer": "two"}]}
        for name in ("a", "b", "c")
    ]  # fmt: skip
    (tmp_path / "qa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "captions.json").write_text(json.dumps({"a": "It is two.", "b": "It is one."}))
    (tmp_path / "mine.py").write_text(
        "import re\n\n\ndef reads(request):\n"
        "    text = request.messages[0].text\n"
        "    _, caption, _, menu = re.findall(r'<<<(.*?)>>>', text, re.DOTALL)\n"
        "    lines = menu.split('\\n')[1:]\n"
        "    named = [line[0] for line in lines if line[3:] in caption]\n"
        "    return (named or [lines[-1][0]])[0]\n"
    )
    code, found = check(
        tmp_path, "reads", "--data", f"records:{tmp_path}/qa.jsonl", "--captions",
        str(tmp_path / "captions.json"), "--draws", "3", source=tmp_path / "mine.py",
    )  # fmt: skip
    # a is right and b is told wrong; c has no caption
    assert (code, found["captions"], found["accuracy"]["value"]) == (1, 2, 0.5)
    assert found["out_of_bounds"] == ["accuracy with the caption"]
    assert found["chance"] == pytest.approx(1 / 3)
    (tmp_path / "captions.json").write_text("{}")
    capsys.readouterr()
    assert main([
        "judge", "check", "--judge.backend", "scripted", "--judge.model", f"{JUDGES}:perfect",
        "--data", f"records:{tmp_path}/qa.jsonl", "--captions", str(tmp_path / "captions.json"),
    ]) == 2  # fmt: skip
    assert "none of these a caption" in capsys.readouterr().err


def reading(place, order=(0, 1), worth=None):
    menu = Menu(CAR, order, abstain=True)
    return Reading(menu, place, float(place == menu.right) if worth is None else worth)


def test_measures_of_mixed_answers_by_hand():
    lost, bad = JudgeError("timed out"), UnusableAnswerError("?")
    asked = [
        # right, wrong, abstains, unusable; blind: wrong, not answered, abstains, wrong
        Asked("s", CAR, (reading(0), reading(1), reading(2), bad),
              (reading(1), lost, reading(2), reading(1))),
        Asked("t", CAR, (reading(0), reading(1, (1, 0))), (reading(0), reading(0, (1, 0)))),
    ]  # fmt: skip
    found = measure(asked)
    assert found.accuracy.value == pytest.approx(3 / 5)  # of five usable ones
    assert found.blind.value == pytest.approx(1 / 5)
    assert (found.abstention, found.blind_abstention) == pytest.approx((1 / 5, 1 / 5))
    assert (found.unusable, found.unanswered) == pytest.approx((1 / 12, 1 / 12))
    # pairs: 1 - 0, 0 - 0 (both abstain); 1 - 1, 1 - 0
    assert found.gain.value == pytest.approx(2 / 4)
    # picked A, B, A, B; right A, A, A, B: |2 - 3| + |2 - 1| of 4, halved
    assert (found.picked, found.right) == ({"A": 2, "B": 2}, {"A": 3, "B": 1})
    assert found.position_bias == pytest.approx(1 / 4)
    # the first one's three draws differ pairwise; the second's say "red" twice behind two letters
    assert found.agreement == pytest.approx(1 / 2)
    assert found.by_kind == {"colour": pytest.approx(3 / 5)}


def test_without_a_pick_there_is_no_bias_and_without_two_draws_no_agreement():
    assert position_bias(Counter(), Counter()) is None
    assert agreement([Asked("s", CAR, (reading(0),), (reading(0),))]) is None
    one = measure([Asked("s", CAR, (reading(0),), (reading(2),))])
    rows = rows_of(one, None, JudgeCheckSettings(draws=1))
    assert sentence("it", rows) == "it is fit to reward, by these bounds"


def test_settings_are_checked():
    with pytest.raises(UserError, match="min_gain is -2"):
        JudgeCheckSettings(min_gain=-2)
