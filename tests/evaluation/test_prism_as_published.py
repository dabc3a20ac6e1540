"""Prism as the published program marks it: each of its rules by worked cases, and both totals."""

import asyncio
import json
from pathlib import Path

import pytest

from balcap.errors import UserError
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.prism import math_answers
from balcap.evaluation.protocols.prism.as_published import published_mark, read_tagged, rule_for
from balcap.evaluation.protocols.prism.command import PrismSettings
from balcap.evaluation.protocols.prism.protocol import Prism
from balcap.judges.scripted import scripted

# Data, the right answer, what stands in the box, and the published mark: P1 to P6 are the ways in
# which balcap's marks have been found to differ from it.
MARKS = [
    # P1: sets with "info" take the best of relaxed accuracy, ANLS and math-verify
    ("infovqa.json", "1234", "1,234", 1.0),  # the same number; ANLS alone is 1 - 1/5
    ("infovqa.json", "25%", "0.25", 1.0),
    ("infovqa.json", "25%", "25", 1.0),  # 25 x 0.01 is 25%
    ("infovqa.json", "7", "7.2", 1.0),  # 0.2 is 2.8% of 7.2
    ("infovqa.json", "parisian", "parisien", 1 - 1 / 8),
    ("infovqa.json", "abcd", "abxy", 0.5),  # as similar as it must be
    ("infovqa.json", "abcde", "abxyz", 0.0),  # 0.4: not similar enough
    ("infovqa.json", "a  b c", "a bxc", 1 - 1 / 6),  # blanks count for the length alone
    ("infovqa.json", "['dog', 'cat']", "cats", 1 - 1 / 4),  # the best of several
    # P2: 5% of the answer
    ("ChartQA.json", "100", "95", 0.0),  # 5 is 5.3% of 95
    ("ChartQA.json", "100", "95.3", 1.0),  # 4.7 is 4.9% of 95.3
    ("ChartQA.json", "100", "105.2", 1.0),  # 5.2 is 4.9% of 105.2
    ("ChartQA.json", "100", "105.3", 0.0),  # 5.3 is 5.03% of it
    ("CharXiv.jsonl", "50", "0.51", 1.0),  # x 100
    ("CharXiv.jsonl", "50", "0.5", 0.0),  # math-verify reads \frac{1}{2} in it: no number
    ("CharXiv.jsonl", "0.5", "50%", 1.0),
    ("CharXiv.jsonl", "0.52", "50%", 1.0),  # 0.02 is 4% of 0.5
    ("CharXiv.jsonl", "Dark Blue", "dark blue", 1.0),
    ("CharXiv.jsonl", "0", "0.01", 0.0),
    ("CharXiv.jsonl", "0", "0", 1.0),
    ("ChartQA_Pro.json", "['2019', '2020']", "2020", 1.0),  # one of the right ones
    ("ChartQA_Pro.json", "[]", "2020", 0.0),
    # P3: or the same by math-verify, on sets of charts
    ("ChartQA.json", "3/4", "0.75", 1.0),
    ("ChartQA.json", "3/4", "\\frac{3}{4}", 1.0),
    ("ChartQA.json", "12", "12 cm", 1.0),
    ("ChartQA.json", "-5", "−5", 1.0),
    ("ChartQA.json", "1234", "1{,}234", 1.0),
    # P5: a letter is a formula, which a full stop or words after it break
    ("MMStar.json", "B", "B", 1.0),
    ("MMStar.json", "B", "(B)", 1.0),
    ("MMStar.json", "B", "B.", 0.0),
    ("MMStar.json", "B", "B: a dog", 0.0),
    ("MMStar.json", "A", "A)", 0.0),
    ("MMStar.json", "I", "i", 0.0),
    ("seed2k.json", "cat", "act", 1.0),  # a product of three letters
    ("MathVision.json", "\\frac{1}{2}", "0.5", 1.0),
    ("MathVision.json", "100", "105.2", 0.0),  # no 5% but on sets of charts
    # P6: where no right answer can be read, every answer is right
    ("MathVision.json", " ", "3", 1.0),
    ("MathVision.json", "3", "", 0.0),
]  # fmt: skip


def test_each_rule_of_the_published_program() -> None:
    pairs = [(truth, said) for _, truth, said, _ in MARKS]
    found = asyncio.run(math_answers.published(pairs))
    marks = [
        published_mark(rule_for(data), truth, said=read, equal=equal)
        for (data, truth, _, _), (equal, read) in zip(MARKS, found, strict=True)
    ]
    assert marks == pytest.approx([mark for *_, mark in MARKS])


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<think>x</think> <answer>so \\boxed{12}.</answer>", "12"),
        ("x</think>\n<answer>\\boxed{\\frac{1}{2}}</answer>", "\\frac{1}{2}"),
        ("</think><answer>\\boxed{1} or {2}</answer>", "1} or {2"),  # to the last brace
        ("</think><answer>\\boxed{1}</answer></think><answer>\\boxed{2}</answer>", "1}</answer>"
         "</think><answer>\\boxed{2"),
        ("</think><answer>\\boxed{}</answer>", ""),
        ("\\boxed{12}", None),  # P4: these balcap reads
        ("</think>\\boxed{12}", None),
        ("<answer>\\boxed{12}</answer>", None),
        ("</think><answer>12</answer>", None),
        ("</think>So: <answer>\\boxed{12}</answer>", None),
        ("12", None),
    ],
)  # fmt: skip
def test_an_answer_is_read_in_its_tags_alone(text: str, read: str | None) -> None:
    assert read_tagged(text) == read


def test_the_name_of_the_data_and_no_folder_of_it_decides() -> None:
    assert rule_for("lmm_eval_ChartQA_Pro.json") == rule_for("CharXiv.jsonl") == "chart"
    assert rule_for("InfoVQA.json") == rule_for("infocharts.json") == "info"
    assert rule_for("/data/charts/MMStar.json") == "math"


def settings(folder: Path, **more: object) -> PrismSettings:
    """Two captions of one image, and two questions of it whose right answer is 100."""
    captions, data = folder / "captions.json", folder / "ChartQA.json"
    captions.write_text('{"a.png": ["one", "two"]}')
    rows = [{"image": "a.png", "prompt": f"{which}?", "answer": 100} for which in ("Low", "High")]
    data.write_text(json.dumps(rows))
    chosen = {"captions": captions, "data": str(data), "out": folder / "out", **more}
    return PrismSettings(**chosen)  # type: ignore[arg-type]


ANSWERS = {  # ours, and the published mark
    ("Low", "one"): "<think>.</think><answer>\\boxed{95}</answer>",  # 1, 0
    ("Low", "two"): "\\boxed{100}",  # 1, 0
    ("High", "one"): "<think>.</think><answer>\\boxed{105.2}</answer>",  # 0, 1
    ("High", "two"): "<think>.</think><answer>\\boxed{100}</answer>",  # 1, 1
}


def answer(prompt: str) -> str:
    (said,) = [
        said
        for (question, caption), said in ANSWERS.items()
        if f"{question}?" in prompt and f"<<<{caption}>>>" in prompt
    ]
    return said


def test_the_published_total_stands_beside_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ours: (2/2 + 1/2) / 2, best 1 and 1. Published: (0/2 + 2/2) / 2, best 0 and 1."""
    judge = scripted(lambda request: answer(request.messages[-1].text))
    assert evaluate(Prism(settings(tmp_path, strict_compat=True), judge)) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["score"], summary["best_of_n"]) == (75.0, 100.0)
    published = summary["as_published"]
    assert (published["score"], published["best_of_n"]) == (50.0, 50.0)
    assert (published["rule"], published["untagged_frac"]) == ("chart", 0.25)
    assert published["score_interval"] is None  # one image
    lines = (tmp_path / "out" / "items.jsonl").read_text().splitlines()
    records = {record["question"]: record for record in map(json.loads, lines)}
    assert records["Low?"]["published"] == [0.0, 0.0]
    assert records["Low?"]["tagged"] == ["95", None]
    assert records["High?"]["published"] == [1.0, 1.0]
    told = capsys.readouterr().out
    assert "as published: 50.00, best 50.00; 25% of the answers without the published tags" in told


def test_without_it_the_summary_says_that_the_marks_are_ours(tmp_path: Path) -> None:
    judge = scripted(lambda request: "\\boxed{100}")
    assert evaluate(Prism(settings(tmp_path), judge)) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert "as_published" not in summary
    assert any("--strict-compat" in reason for reason in summary["not_comparable"])


def test_it_needs_math_verify_whatever_the_scorer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(math_answers, "find_spec", lambda name: None)
    Prism(settings(tmp_path))
    with pytest.raises(UserError, match=r"--strict-compat needs .*balcap\[math\].*leave it out"):
        Prism(settings(tmp_path, strict_compat=True))
