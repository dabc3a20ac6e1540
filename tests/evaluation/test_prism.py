"""Prism: worked totals, how answers are read and marked, and an evaluation against a server."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.errors import JudgeError, UnusableAnswerError, UserError
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.prism import math_answers
from balcap.evaluation.protocols.prism.command import PrismSettings
from balcap.evaluation.protocols.prism.protocol import Prism
from balcap.evaluation.protocols.prism.scoring import (
    anls,
    letter,
    mark,
    read_answer,
    relaxed,
    scorer_for,
)
from balcap.judges.scripted import scripted
from balcap.judges.types import JudgeRequest
from helpers.judge_server import served

CAPTIONS = {
    "a.png": ["a red ball", "a ball", "a red ball, red as can be", "fog"],
    "b.png": ["a bar of 42", "two bars", "fog", "a bar of 42 percent"],
}

ROWS = [
    {  # a.png#0: a letter; answered B, A, B and something without an answer: 1, 0, 1, 0
        "image": {"type": "image", "image": "file://a.png"},
        "prompt": [{"type": "image"}, {"type": "text", "text": "<image>Colour?\nA. blue\nB. red"}],
        "answer": "B",
    },
    {  # a.png#1: text; answered "Ball" each time: 1, 1, 1, 1
        "image": "a.png",
        "prompt": "What is it?",
        "answer": "ball",
    },
    {  # b.png#0: a number, as mathematics; answered 42, 2, 21*2 and 0: 1, 0, 1, 0
        "image": ["b.png"],
        "prompt": [{"role": "user", "content": [{"type": "text", "text": "How high?"}]}],
        "answer": 42,
    },
    {"image": "c.png", "prompt": "What is it?", "answer": "a hat"},  # no caption
    {"image": ["a.png", "b.png"], "prompt": "Which is red?", "answer": "A"},  # two images
    {"image": "a.png", "prompt": "Why?", "answer": ""},  # no right answer
]

ANSWERS = {
    ("Colour?", "a red ball"): "<think>red, so \\boxed{A}? No.</think><answer>\\boxed{B}</answer>",
    ("Colour?", "a ball"): "<answer>A</answer>",
    ("Colour?", "a red ball, red as can be"): "\\boxed{\\text{(B)}}",
    ("Colour?", "fog"): "<think>There is only fog, so",
    ("How high?", "a bar of 42"): "\\boxed{42}",
    ("How high?", "two bars"): "2",
    ("How high?", "fog"): "\\boxed{21 \\times 2}",
    ("How high?", "a bar of 42 percent"): "\\boxed{0}",
}

# The mean over captions: 2/4, 4/4, 2/4; the best: 1, 1, 1.
MEAN = 100 * (0.5 + 1 + 0.5) / 3
BEST = 100.0


def asked(prompt: str) -> tuple[str, str]:
    """First line of the question, and the caption."""
    found = re.search(r"^<<<(.*)>>>$.*^Question:\n(.*?)\n", prompt, re.DOTALL | re.MULTILINE)
    assert found
    caption, question = found.groups()
    return question, caption


def answer(prompt: str) -> str:
    return ANSWERS.get(asked(prompt), "\\boxed{Ball}")


def write(folder: Path) -> tuple[Path, Path]:
    captions, data = folder / "captions.json", folder / "questions.json"
    captions.write_text(json.dumps(CAPTIONS))
    data.write_text(json.dumps(ROWS))
    return captions, data


def judged(folder: Path, script: Callable[[str], str] = answer, **more: object) -> dict:
    captions, data = write(folder)
    chosen = {"captions": captions, "data": str(data), "out": folder / "out", **more}
    settings = PrismSettings(**chosen)  # type: ignore[arg-type]
    judge = scripted(lambda request: script(request.messages[-1].text))
    assert evaluate(Prism(settings, judge)) == 0
    return json.loads((folder / "out" / "summary.json").read_text())


def records(folder: Path) -> dict[str, dict]:
    lines = (folder / "out" / "items.jsonl").read_text().splitlines()
    return {record["id"]: record for record in map(json.loads, lines)}


def test_mean_and_best_of_valid_unparsable_and_missing_items(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = judged(tmp_path)
    assert summary["score"] == pytest.approx(MEAN)
    assert summary["best_of_n"] == pytest.approx(BEST)
    assert summary["n_scored"] == 3
    assert summary["invalid"] == {
        "no caption": 1, "more than one image": 1, "no right answer in the data": 1,
    }  # fmt: skip
    assert summary["unparsable_frac"] == pytest.approx(1 / 12)
    assert summary["captions_per_image"] == {"4": 3}
    assert summary["scorers"] == {"letter": 1, "relaxed": 1, "math": 1}
    assert summary["comparable"] is False
    assert summary["not_comparable"][0] == "judged by scripted, not CapRL-Eval-3B"
    scores = {name: record["scores"] for name, record in records(tmp_path).items()}
    assert scores == {"a.png#0": [1, 0, 1, 0], "a.png#1": [1] * 4, "b.png#0": [1, 0, 1, 0]}
    assert "best of an image's captions: 100.00" in capsys.readouterr().out


def test_the_mean_is_over_captions_first(tmp_path: Path) -> None:
    """One caption of b: its question is right, 1. Over captions the mean would be 7/9."""
    captions, data = write(tmp_path)
    captions.write_text(json.dumps({**CAPTIONS, "b.png": ["a bar of 42"]}))
    judge = scripted(lambda request: answer(request.messages[-1].text))
    settings = PrismSettings(captions=captions, data=str(data), out=tmp_path / "out")
    assert evaluate(Prism(settings, judge)) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["score"] == pytest.approx(100 * (0.5 + 1 + 1) / 3)
    assert "1 captions an image, not 4" in summary["not_comparable"]


def test_a_record_says_what_was_asked_answered_and_made_of_it(tmp_path: Path) -> None:
    judged(tmp_path)
    record = records(tmp_path)["a.png#0"]
    assert record["question"] == "Colour?\nA. blue\nB. red"
    assert record["read"] == ["B", "A", "(B)", None]
    assert record["right"] == ["B"]
    assert record["captions"] == CAPTIONS["a.png"]
    assert record["answers"][3] == "<think>There is only fog, so"


def test_a_judge_that_fails_for_one_caption_leaves_no_mean_over_the_others(tmp_path: Path) -> None:
    """a#0 gets no answer for one caption, a#1 an unusable one; b#0 alone has a score, 2/4."""

    def script(prompt: str) -> str:
        if asked(prompt) == ("Colour?", "a ball"):
            raise JudgeError("timed out after 120 s")
        if asked(prompt) == ("What is it?", "fog"):
            raise UnusableAnswerError("refused")
        return answer(prompt)

    summary = judged(tmp_path, script, max_failed=0.5)
    assert summary["n_scored"] == 1
    assert summary["score"] == pytest.approx(50.0)
    assert summary["invalid"]["no answer from the judge"] == 1
    assert summary["invalid"]["unusable answer of the judge"] == 1


def test_captions_that_read_alike_are_asked_about_as_two_draws(tmp_path: Path) -> None:
    captions, data = write(tmp_path)
    captions.write_text('{"a.png": ["fog", "fog"]}')
    data.write_text(json.dumps(ROWS[:1]))
    requests: list[JudgeRequest] = []
    settings = PrismSettings(captions=captions, data=str(data), out=tmp_path / "out")
    evaluate(Prism(settings, scripted(lambda request: requests.append(request) or "B")))  # type: ignore[func-returns-value]
    assert sorted(request.draw for request in requests) == [0, 1]
    assert {(request.temperature, request.max_tokens) for request in requests} == {(1.0, 2048)}


def test_a_server_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    captions, data = write(tmp_path)
    with served(answer, model="CapRL-Eval-3B") as server:
        command = [
            "eval", "prism", "--captions", str(captions), "--data", str(data),
            "--judge.backend", "endpoint", "--judge.url", server.url,
            "--judge.model", "CapRL-Eval-3B", "--judge.cache", str(tmp_path / "answers.sqlite"),
        ]  # fmt: skip
        assert main(command) == 0
        before = server.requests.count()
        assert before
        assert main([*command, "--out", "new"]) == 0
        assert server.requests.count() == before
    summary = json.loads(Path("new/summary.json").read_text())
    assert summary["score"] == pytest.approx(MEAN)
    assert summary["interval"][0] <= MEAN <= summary["interval"][1]
    assert not any("judged by" in reason for reason in summary["not_comparable"])
    assert "66.67" in capsys.readouterr().out


def test_a_policy_draws_several_captions(fresh_policies: dict[str, Path], tmp_path: Path) -> None:
    import PIL.Image

    for name in ("a.png", "b.png", "c.png"):
        PIL.Image.new("RGB", (56, 56), "red").save(tmp_path / name)
    _, data = write(tmp_path)
    settings = PrismSettings(
        policy=str(fresh_policies["qwen2.5-vl"]), data=str(data), out=tmp_path / "out",
        gen_num=3, max_tokens=6, limit=2,
    )  # fmt: skip
    assert evaluate(Prism(settings, scripted(lambda request: "\\boxed{A}"))) == 0
    assert {len(record["scores"]) for record in records(tmp_path).values()} == {3}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["n_scored"], summary["score"]) == (3, 0.0)
    lines = (tmp_path / "out" / "captions.jsonl").read_text().splitlines()
    assert len(set(lines)) > 2  # draws, not three times the likeliest


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>x</think><answer>\\boxed{B}</answer>", "B"),
        ("\\boxed{A} or rather \\boxed{B}", "B"),
        ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("\\boxed{A} and \\boxed{B", "A"),  # the last closed one
        ("<think>\\boxed{A}</think>I cannot\nsay", None),  # reasoning is no answer
        ("<think>\\boxed{A}", None),
        ("<answer>A</answer> no: <answer> 12 cm </answer>", "12 cm"),
        (" 12 cm\n", "12 cm"),
        ("It is 12.\nOr 13.", None),
        ("\\boxed{}", None),
        ("", None),
    ],
)
def test_reading_an_answer(text: str, answer: str | None) -> None:
    assert read_answer(text) == answer


@pytest.mark.parametrize(
    ("said", "truth", "right"),
    [
        ("105", "100", True),  # 5% above
        ("105.1", "100", False),
        ("95", "100", True),
        ("94.9", "100", False),
        ("1.05", "1", True),  # 5% above, whatever the binary fractions are
        ("0.5", "50", True),  # x 100: a share for a percentage
        ("50%", "0.5", True),  # x 0.01
        ("0.52", "50%", True),  # 52 is within 5% of 50
        ("5000", "50", True),
        ("500", "50", False),
        ("$1,200", "1200", True),
        ("0", "0", True),
        ("0.01", "0", False),
        ("-5", "5", False),
        ("Dark  Blue", "dark blue", True),
        ("blue", "dark blue", False),
        ("nan", "1", False),
    ],
)
def test_relaxed_accuracy(said: str, truth: str, right: bool) -> None:
    assert relaxed(said, truth) is right


@pytest.mark.parametrize(
    ("said", "truths", "similarity"),
    [
        ("Paris", ["paris"], 1.0),
        ("pariss", ["paris"], 1 - 1 / 6),
        ("abcd", ["abxy"], 0.5),  # exactly the threshold counts
        ("abcde", ["abxyz"], 0.0),  # 0.4 is below it
        ("lyon", ["paris", "lyons"], 1 - 1 / 5),  # the best of the right ones
        ("kitten", ["sitting"], 1 - 3 / 7),
        ("", ["a"], 0.0),
    ],
)
def test_anls(said: str, truths: list[str], similarity: float) -> None:
    assert anls(said, truths) == pytest.approx(similarity)


@pytest.mark.parametrize(
    ("said", "named"),
    [("B", "B"), ("b", "B"), ("(C)", "C"), ("D.", "D"), ("A: a dog", "A"), ("A dog", None),
     ("", None), ("AB", None)],
)  # fmt: skip
def test_an_option_is_named_by_its_letter(said: str, named: str | None) -> None:
    assert letter(said) == named


def test_an_answer_that_names_no_option_is_not_read_as_one() -> None:
    assert mark("letter", "a dog", ["A"]) is None
    assert mark("letter", "B", ["(B)"]) == 1.0
    assert mark("letter", "C", ["B"]) == 0.0


@pytest.mark.parametrize(
    ("dataset", "answer", "scorer"),
    [
        ("ChartQA_Pro.json", "A", "relaxed"),
        ("CharXiv.jsonl", "3", "relaxed"),
        ("infovqa.json", "3", "anls"),
        ("MMStar.json", "B", "letter"),
        ("MathVision.json", "(B)", "letter"),
        ("MathVision.json", "\\frac{1}{2}", "math"),
        ("WeMath.json", "12 cm", "math"),
        ("seed2k.json", "red", "relaxed"),
    ],
)
def test_which_way_of_marking_auto_takes(dataset: str, answer: str, scorer: str) -> None:
    assert scorer_for(dataset, [answer]) == scorer


def test_mathematics_is_compared_by_value() -> None:
    pairs = [("\\frac{1}{2}", "0.5"), ("3", "4"), ("2\\sqrt{2}", "\\sqrt{8}"), ("3", "4")]
    assert asyncio.run(math_answers.same(pairs)) == [True, False, True, False]


def test_a_power_without_end_is_no_answer_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(math_answers, "SECONDS", 2)
    began = time.monotonic()
    pairs = [("1", "9^{9^{9^9}}"), ("2", "2")]
    assert asyncio.run(math_answers.same(pairs)) == [False, True]
    assert time.monotonic() - began < 20


def test_without_math_verify_one_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions, data = write(tmp_path)
    monkeypatch.setattr(math_answers, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'balcap\[math\]'"):
        Prism(PrismSettings(captions=captions, data=str(data)))
    Prism(PrismSettings(captions=captions, data=str(data), scorer="relaxed"))


def test_rows_of_another_form_are_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong.json").write_text('[{"image": "a.png", "question": "What?"}]')
    Path("captions.json").write_text('{"a.png": ["x", "y"]}')
    command = ["eval", "prism", "--captions", "captions.json", "--data", "wrong.json"]
    assert main(command) == 2
    assert "a row needs `image`, `prompt` and `answer`; found image, question" in (
        capsys.readouterr().err
    )
