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
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balcap.cli import main
from balcap.cli.parser import parse
from balcap.config import DataSettings, JudgeSettings
from balcap.data import shapes
from balcap.errors import UnusableAnswerError, UserError
from balcap.evaluation.comparing.compare import compare, read
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.winrate.asking import orders_of, read_answer
from balcap.evaluation.protocols.winrate.command import COMMAND, WinRateSettings
from balcap.evaluation.protocols.winrate.formulas import sides_of, verdicts_of
from balcap.evaluation.protocols.winrate.protocol import WinRate
from balcap.evaluation.protocols.winrate.scene_judge import say
from balcap.judges.images import MAX_PIXELS, Picture
from balcap.judges.scripted import scripted
from balcap.judges.types import JudgeRequest, JudgeResponse
from helpers.judge_server import CHAT, Asked, served
from helpers.judges import QUOTED

MINE = {"a": 6, "b": 3, "c": 5, "d": 3, "e": 10, "f": 3, "g": 3, "h": 3}
BASE = {"a": 3, "b": 3, "c": 6, "d": 3, "e": 5, "f": 3, "g": 3}
Rule = Callable[[list[str]], str]
"""From the captions as they are shown to the answer."""


class Judge:
    """Answers by a rule, and remembers what it was asked."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.asked: list[str] = []

    def __call__(self, request: JudgeRequest) -> str:
        (message,) = request.messages
        assert len(message.pictures) == 1
        self.asked.append(message.text)
        return self.rule(QUOTED.findall(message.text)[1:])  # the first marks are in the rules


def better(which: str) -> str:
    return json.dumps({"reason": "So it is.", "better": which})


def by_table(shown: list[str]) -> str:
    """What the judge of the table says."""
    image = shown[0].split()[2]
    mine = str(1 + [text.startswith("Mine") for text in shown].index(True))
    base = "2" if mine == "1" else "1"
    said = {"a": mine, "b": mine, "c": base, "d": "1", "e": "tie"}
    return better(said[image]) if image in said else "Both have their merits."


def write(folder: Path, name: str, captions: dict[str, str]) -> Path:
    """A file of captions, and the images."""
    photos = folder / "photos"
    photos.mkdir(exist_ok=True)
    for number, image in enumerate("abcdefgh"):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(photos / f"{image}.png")
    file = folder / f"{name}.json"
    file.write_text(json.dumps({f"{image}.png": text for image, text in captions.items()}))
    return file


def table(folder: Path) -> tuple[Path, Path]:
    def text(who: str, image: str, words: int) -> str:
        return " ".join([who, "of", image, *["more"] * (words - 3)])

    mine = {image: text("Mine", image, words) for image, words in MINE.items()}
    base = {image: text("Base", image, words) for image, words in BASE.items()}
    return write(folder, "mine", mine | {"f": "Both of f"}), write(
        folder, "base", base | {"f": "Both of f"}
    )


def evaluated(folder: Path, own: Path, *against: Path, rule: Rule, **more: object):
    """Summary, records by image, and the judge."""
    judge = Judge(rule)
    out = folder / "out" / f"{own.stem}-{'-'.join(one.stem for one in against)}"
    chosen = WinRateSettings(
        captions=own,
        against=tuple(map(str, against)),
        data=f"images:{folder / 'photos'}",
        **{"out": out, **more},  # type: ignore[arg-type]
    )
    assert evaluate(WinRate(chosen, scripted(judge))) == 0
    records = map(json.loads, (chosen.out / "items.jsonl").read_text().splitlines())
    summary = json.loads((chosen.out / "summary.json").read_text())
    return summary, {record["id"][0]: record for record in records}, judge


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


# --- the built-in world, whose judge knows the truth


def scenes() -> tuple:
    return shapes.load(DataSettings(eval_samples=4))[1]


def test_an_oracle_at_a_server_and_the_same_again_asks_nothing(tmp_path: Path) -> None:
    """Against a reference all is a loss but the same reference, and nothing beats a background:

    mine  reference   reference  background  reference
    base  background  reference  reference   (empty)
          won         tie        lost        won         (2 + 1/2) / 4
    """
    held_out = scenes()
    full = {one.id: one.reference or "" for one in held_out}
    bare = {one.id: f"A {one.image.background} background." for one in held_out}
    ids = [*full]
    mine = full | {ids[2]: bare[ids[2]]}
    base = {ids[0]: bare[ids[0]], ids[1]: full[ids[1]], ids[2]: full[ids[2]], ids[3]: ""}
    for name, captions in (("mine", mine), ("base", base)):
        (tmp_path / f"{name}.json").write_text(json.dumps(captions))
    by_url = {Picture(one).data_url(MAX_PIXELS): one.image for one in held_out}

    def script(asked: Asked) -> str:
        content = asked.body["messages"][-1]["content"]
        (url,) = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
        return say(QUOTED.findall(asked)[1:], by_url[url])

    with served(script, template=None) as server:
        command = [
            "eval", "winrate", "--captions", str(tmp_path / "mine.json"),
            "--against", str(tmp_path / "base.json"), "--data", "shapes", "--limit", "4",
            "--judge.backend", "endpoint", "--judge.url", server.url, "--judge.model", "scripted",
            "--judge.cache", str(tmp_path / "answers.sqlite"),
        ]  # fmt: skip
        for out in ("first", "first", "second"):
            assert main([*command, "--out", str(tmp_path / out)]) == 0
            summary = json.loads((tmp_path / out / "summary.json").read_text())
            assert summary["score"] == pytest.approx(62.5)
            assert server.requests.count(CHAT) == 3 * 2
    assert summary["sides"]["order_agreement"]["value"] == 1


def test_a_rival_may_be_a_policy_whose_captions_are_kept(tmp_path: Path) -> None:
    """A reference is better than eight tokens of anybody."""
    held_out = scenes()[:2]
    file = tmp_path / "references.json"
    file.write_text(json.dumps({one.id: one.reference for one in held_out}))
    judge = "balcap.evaluation.protocols.winrate.scene_judge:answer"
    command = [
        "eval", "winrate", "--captions", str(file), "--against", "tiny-qwen2.5-vl",
        "--data", "shapes", "--limit", "2", "--max-tokens", "8", "--out", str(tmp_path / "out"),
        "--judge.backend", "scripted", "--judge.model", judge,
    ]  # fmt: skip
    assert main(command) == 0
    kept = (tmp_path / "out" / "captions-1.jsonl").read_text()
    lines = [json.loads(line) for line in kept.splitlines()]
    assert [line["id"] for line in lines] == [one.id for one in held_out]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["score"] == 100
    assert summary["pairs"][0]["contenders"] == ["references", "tiny-qwen2.5-vl"]
    lengths = [len((one.reference or "").split()) for one in held_out]
    assert summary["words"] == summary["pairs"][0]["words"][0] == np.mean(lengths)
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())["settings"]
    assert settings["max_tokens"] == 8  # what a rival's captions depend on counts


# --- who is compared, and what does not fit


def test_a_folder_goes_on_with_the_same_rivals_only(tmp_path: Path) -> None:
    """By their content: a file of another name is the same rival."""
    mine, base = table(tmp_path)
    first, _, _ = evaluated(tmp_path, mine, base, rule=by_table, out=tmp_path / "out")
    moved = base.rename(tmp_path / "moved.json")
    again, _, judge = evaluated(tmp_path, mine, moved, rule=by_table, out=tmp_path / "out")
    assert again["pairs"][0]["contenders"] == ["mine", "moved"]
    assert (again["score"], judge.asked) == (first["score"], [])
    other = write(tmp_path, "other", {"a": "Other of a"})
    with pytest.raises(UserError, match="rivals"):
        evaluated(tmp_path, mine, other, rule=by_table, out=tmp_path / "out")


def test_rates_against_different_rivals_are_not_subtracted(tmp_path: Path) -> None:
    mine, base = table(tmp_path)
    evaluated(tmp_path, mine, base, rule=by_table, out=tmp_path / "one")
    other = write(tmp_path, "other", {"a": "Base of a"})
    evaluated(tmp_path, mine, other, rule=by_table, out=tmp_path / "two")
    row = compare([read(tmp_path / n) for n in ("one", "two")], with_published=False, seed=0)[1]
    assert "other judge, prompts or rivals" in row["note"]


def test_a_judge_that_trained_a_rival_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("judge: {model: Qwen2.5-VL-72B}\n")
    mine = write(tmp_path, "mine", {"a": "Mine of a"})
    base = write(tmp_path, "base", {"a": "Base of a"}).rename(run / "captions.json")
    judge = JudgeSettings.of(model="Qwen2.5-VL-72B")
    with pytest.raises(UserError, match=r"gave the rewards of .*run"):
        evaluated(tmp_path, mine, base, rule=by_table, judge=judge)


def test_rivals_that_are_named_again_add_up() -> None:
    rivals = ["--against", "a.json", "--against=b.json", "--against", "c,d"]
    words = ["--captions", "m.json", "--data", "shapes", *rivals]
    chosen = parse(COMMAND, words).settings
    assert chosen.against == ("a.json", "b.json", "c", "d")
    assert chosen.names == ("m", "a", "b", "c", "d")


def test_names_are_whole_paths_where_the_last_parts_are_the_same() -> None:
    paths = ("runs/a/captions.jsonl", "runs/b/captions.jsonl")
    chosen = WinRateSettings(captions=Path(paths[0]), against=(paths[1],), data="shapes")
    assert chosen.names == paths


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "no rival; name a file of captions or a policy to compare with: --against BASE"),
        ({"against": ("m.json",)}, "'m.json' would be compared with itself"),
        ({"against": ("a", "a")}, "'a' would be compared with itself"),
        ({"against": ("a",), "data": ""}, "no data; name the images"),
        ({"against": ("a",), "length_band": 0.9}, "length_band is 0.9; it must be at least 1"),
        ({"against": ("a",), "attempts": 0}, "attempts is 0; it must be at least 1"),
    ],
)
def test_settings_that_do_not_fit(more: dict, told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        WinRateSettings(**{"captions": Path("m.json"), "data": "shapes", **more})


def test_a_rival_that_is_not_there_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    mine = write(tmp_path, "mine", {"a": "Mine of a"})
    for rival, told in ((tmp_path / "base.json", "no file"), (tmp_path / "run", "no policy")):
        with pytest.raises(UserError, match=told):
            evaluated(tmp_path, mine, rival, rule=by_table)
