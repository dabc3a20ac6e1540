"""Win rates by judges whose answers are fixed by rule; every number worked out.

Eight images, two contenders; "both" is what the judge says of a pair in both orders.

    image  words of mine, base  the judge                         verdict
    a           6, 3            finds mine better                 won
    b           3, 3            finds mine better                 won
    c           5, 6            finds base better                 lost
    d           3, 3            says "1", whatever stands there   tie: the orders disagree
    e          10, 5            calls a tie                       tie
    f           3, 3            (both captions are the same)      tie, without a question
    g           3, 3            is never readable                 invalid
    h           3, -            (base has no caption)             left out

win rate          (2 wins + 3 ties / 2) / 6
decided           2 of a, b, c
equal length      within x1.2, as 6 / 5 is: b, c, d, f: (1 + 0 + 1/2 + 1/2) / 4
longer            of a and c, which are decided and of unequal length, both times the longer one won
first_frac        a, b, c: one of two verdicts each for the earlier one; d: both: 5 of 8
order_agreement   a, b, c, e of a to e
"""

import json
import random
from pathlib import Path

import pytest

from balcap.errors import UnusableAnswerError
from balcap.evaluation.protocols.winrate.asking import orders_of, read_answer
from balcap.evaluation.protocols.winrate.formulas import sides_of, verdicts_of
from balcap.judges.types import JudgeResponse
from helpers.winrate import better, by_table, evaluated, table, write


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary, records, judge = evaluated(tmp_path, *table(tmp_path), rule=by_table)
    rate = 100 * (2 + 3 / 2) / 6
    assert summary["score"] == pytest.approx(rate)
    assert summary["invalid"] == {"unusable answer of the judge": 1, "no caption": 1}
    (pair,) = summary["pairs"]
    assert pair["contenders"] == ["mine", "base"]
    assert [pair[name] for name in ("wins", "ties", "losses")] == [2, 3, 1]
    assert (pair["disagreed"], pair["same_text"]) == (1, 1)
    assert pair["win_rate"] == {
        "value": pytest.approx(rate), "interval": pytest.approx(summary["interval"]), "n": 6,
    }  # fmt: skip
    assert (pair["decided"]["value"], pair["decided"]["n"]) == (pytest.approx(200 / 3), 3)
    assert (pair["equal_length"]["value"], pair["equal_length"]["n"]) == (pytest.approx(50), 4)
    assert (pair["longer_frac"]["value"], pair["longer_frac"]["n"]) == (1, 2)
    assert pair["words"] == pytest.approx([30 / 6, 23 / 6])
    assert summary["words"] == pytest.approx(33 / 7)  # mine, with g, which was judged in vain
    assert summary["sides"]["first_frac"]["value"] == pytest.approx(5 / 8)
    assert summary["sides"]["order_agreement"]["value"] == pytest.approx(4 / 5)
    assert len(judge.asked) == 5 * 2 + 2 * 5  # g five times in each order, f never
    low, high = summary["interval"]
    assert 0 <= low < rate < high <= 100
    assert records["c"]["won"] == [[0, -1], [1, 0]]
    assert records["g"]["score"] is None
    told = capsys.readouterr().out
    assert "mine against base: 58.33 [" in told
    assert "ties: 1 because the orders disagree, 1 because the captions are the same" in told


def test_a_judge_that_always_says_first_gives_ties_alone(tmp_path: Path) -> None:
    """Of 7 images: f needs no question, so 6 disagree; all of its verdicts are for the first."""
    summary, _, _ = evaluated(tmp_path, *table(tmp_path), rule=lambda shown: better("1"))
    (pair,) = summary["pairs"]
    assert (summary["score"], pair["ties"], pair["disagreed"]) == (50, 7, 6)
    assert summary["sides"]["first_frac"] == {"value": 1, "interval": [1, 1], "n": 12}
    assert summary["sides"]["order_agreement"]["value"] == 0
    assert pair["decided"] == pair["longer_frac"] == {"value": None, "interval": None, "n": 0}


def test_exchanged_contenders_give_the_complement_by_the_same_questions(tmp_path: Path) -> None:
    mine, base = table(tmp_path)
    one, _, asked = evaluated(tmp_path, mine, base, rule=by_table)
    other, _, again = evaluated(tmp_path, base, mine, rule=by_table)
    assert one["score"] + other["score"] == pytest.approx(100)
    assert other["interval"] == pytest.approx([100 - end for end in one["interval"][::-1]])
    assert one["sides"] == other["sides"]
    assert sorted(asked.asked) == sorted(again.asked)


def ranked(shown: list[str]) -> str:
    """a: A before B before C; b: the first place before the second before the third; c: C last."""
    order = [text.split()[0] for text in shown]
    by_merit = [1 + "ABC".index(name) for name in order]
    ranks = [1, 2, 3] if shown[0].endswith("b") else by_merit
    if len(shown) == 2:
        return better("1" if by_merit[0] < by_merit[1] else "2")
    ranks_of = {str(number): rank for number, rank in enumerate(ranks, 1)}
    return json.dumps({"reason": "So it is.", "ranks": ranks_of})


def three(folder: Path) -> list[Path]:
    texts = {name: {image: f"{name} of {image}" for image in "abc"} for name in "ABC"}
    texts["B"]["c"] = texts["A"]["c"]
    return [write(folder, f"by-{name.lower()}", captions) for name, captions in texts.items()]


def test_three_contenders_are_ranked_blind(tmp_path: Path) -> None:
    """a: ranks 1, 2, 3. b: the places' order both times, so all pairs disagree: 2, 2, 2. c: A and B
    are the same text and beat C: 1.5, 1.5, 3; asked as a pair.

    Earlier and better: a 3 of 6, b 6 of 6, c 1 of 2. The orders agree: a 3 of 3, b 0, c 1 of 1.
    """
    files = three(tmp_path)
    summary, records, judge = evaluated(tmp_path, *files, rule=ranked)
    means = [one["mean_rank"]["value"] for one in summary["contenders"]]
    assert means == pytest.approx([4.5 / 3, 5.5 / 3, 8 / 3])
    rates = {tuple(p["contenders"]): p["win_rate"]["value"] for p in summary["pairs"]}
    assert rates == {
        ("by-a", "by-b"): pytest.approx(100 * (1 + 1 / 2 + 1 / 2) / 3),
        ("by-a", "by-c"): pytest.approx(100 * (1 + 1 / 2 + 1) / 3),
        ("by-b", "by-c"): pytest.approx(100 * (1 + 1 / 2 + 1) / 3),
    }
    assert summary["score"] == pytest.approx((rates["by-a", "by-b"] + rates["by-a", "by-c"]) / 2)
    assert summary["sides"]["first_frac"]["value"] == pytest.approx(10 / 14)
    assert summary["sides"]["order_agreement"]["value"] == pytest.approx(4 / 7)
    assert not any("by-" in text for text in judge.asked)
    assert len(judge.asked) == 6
    for image in "ab":
        one, other = records[image]["orders"]
        assert one == other[::-1]
        assert sorted(one) == [0, 1, 2]
    assert sorted(records["c"]["orders"][0]) == [0, 2]  # A stands for B too
    assert records["c"]["ranks"] == [[1, 1, 2], [1, 1, 2]]


def test_who_is_named_first_changes_no_question(tmp_path: Path) -> None:
    files = three(tmp_path)
    others = (files[::-1], [*files[1:], files[0]])
    asked = [sorted(evaluated(tmp_path, *each, rule=ranked)[2].asked) for each in (files, *others)]
    assert asked[0] == asked[1] == asked[2]


def test_the_order_hangs_on_seed_and_image() -> None:
    captions = ["one", "two", "three", "four"]
    drawn = {orders_of(image, captions, seed)[0] for image in "abc" for seed in range(4)}
    assert len(drawn) > 6


def test_a_judge_that_does_not_look_at_places_prefers_the_earlier_half_of_the_time() -> None:
    """Each caption of a pair is once the earlier one, whatever the ranks are."""
    rng = random.Random(0)
    for count in (2, 3, 5):
        ranks = [rng.randint(1, count) for _ in range(count)]
        order = tuple(rng.sample(range(count), count))
        first, decided, alike, pairs = sides_of(verdicts_of([ranks, ranks]), (order, order[::-1]))
        assert 2 * first == decided
        assert alike == pairs == count * (count - 1) / 2


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1", 2),
        ('{"reason": "r", "better": "3"}', 2),
        ('{"reason": "r", "ranks": {"1": 1, "2": 2}}', 2),
        ('{"reason": "r", "ranks": {"1": 1, "2": 2}}', 3),
        ('{"reason": "r", "ranks": {"1": 1, "2": 2, "3": 4}}', 3),
        ('{"reason": "r", "ranks": {"1": 1, "2": 2, "3": 0}}', 3),
    ],
)
def test_an_answer_that_does_not_rank_every_caption_is_unusable(text: str, count: int) -> None:
    with pytest.raises(UnusableAnswerError):
        read_answer(JudgeResponse(text), count)
