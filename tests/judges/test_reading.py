"""An answer is read strictly: what it says, or an error; never a verdict that it did not give."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from balcap.errors import UnusableAnswerError
from balcap.judges.parsing import parse_json, parse_letter, without_reasoning


class Verdict(BaseModel):
    score: float = Field(ge=0, le=5)
    why: str = ""


SAYS_B = [
    "B", " B\n", "B.", "B)", "(B)", "B) red", "B: red", "B red", "**B**", "_B_", "Answer: B",
    "The answer is B.", "\\boxed{B}", "Option B, not C", "I think B", "答案是B。", "<B>",
    "<think>A or C? A.</think>B", "A</think>\n\nB", "\u201cB\u201d",
]  # fmt: skip
SAYS_A = ["A", "A red circle", "A: a red circle", "A cat. So A", "Answer: A"]
SAYS_NOTHING = [
    "", "   ", "b", "red", "none of them", "BB", "ABCDE", "The Blue one", "I think so", "I'm B'd",
    "1", "</think>", "B</think>", "<think>", "<think>B", "B<think>A", "É",
]  # fmt: skip
OFF_THE_MENU = ["F", "Z) red", "X, or B", "Answer: Y"]
EITHER = ["A red ball is shown, so the answer is B", "A cat (C)"]


@pytest.mark.parametrize("text", SAYS_B)
def test_a_letter_is_read(text):
    assert parse_letter(text, "ABCDE") == "B"


@pytest.mark.parametrize("text", SAYS_A)
def test_the_letter_a_is_read_where_it_can_be_no_other(text):
    assert parse_letter(text, "ABCDE") == "A"


@pytest.mark.parametrize("text", [*SAYS_NOTHING, *OFF_THE_MENU, *EITHER])
def test_what_names_no_option_is_an_error(text):
    with pytest.raises(UnusableAnswerError):
        parse_letter(text, "ABCDE")


@given(st.text(), st.sampled_from(["AB", "ABCDE", "ABCDEFGHIJ"]))
def test_any_answer_gives_a_letter_that_it_contains_or_an_error(text, letters):
    try:
        letter = parse_letter(text, letters)
    except UnusableAnswerError:
        return
    assert letter in letters
    assert letter in without_reasoning(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Lu"])), st.sampled_from("BCDE"))
def test_a_single_capital_letter_among_others_is_read_unless_it_begins_a_word(text, letter):
    try:
        read = parse_letter(f"{text} {letter} {text}", "ABCDE")
    except UnusableAnswerError:
        assert "<think>" in text or "</think>" in text
    else:
        assert read == letter


ONE = '{"score": 3, "why": "clear"}'


@pytest.mark.parametrize(
    "text",
    [
        ONE, f"```json\n{ONE}\n```", f"```\n{ONE}```", f"Here it is: {ONE}. Good?", f"\ufeff{ONE}",
        f'<think>{{"score": 1}}</think>{ONE}', ONE.replace(" ", "\n"),
    ],
)  # fmt: skip
def test_an_object_is_read_with_whatever_is_around_it(text):
    assert parse_json(text, Verdict) == Verdict(score=3, why="clear")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no JSON"),
        ("3", "no JSON"),
        ("}{", "no JSON"),
        ("null", "no JSON"),
        (ONE[:-1], "no JSON"),
        (f"{ONE} {ONE}", "no JSON"),
        ("{'score': 3}", "no JSON"),
        ('{"score": 3,}', "no JSON"),
        ('{"score": NaN}', "no JSON"),
        ('{"score": -Infinity}', "no JSON"),
        ('{"a":' * 100_000 + "}" * 100_000, "no JSON"),
        ('{"score": ' + "9" * 5000 + "}", "no JSON"),
        ("{}", "score: Field required"),
        ('{"score": 6}', "score: Input should be less than or equal to 5"),
        ('{"score": "good"}', "score: Input should be a valid number"),
        ('{"score": 1e999}', "score: "),
        ('{"score": 1, "score": 5}', "the same name twice"),
        (f"<think>{ONE}", "no answer behind the reasoning"),
    ],
)
def test_what_is_not_the_wanted_object_is_an_error_that_says_why(text, problem):
    with pytest.raises(UnusableAnswerError) as caught:
        parse_json(text, Verdict)
    assert problem in str(caught.value)
    assert len(str(caught.value)) < 300


@given(st.text())
def test_any_text_is_a_verdict_or_an_unusable_answer(text):
    for said in (text, "{" + text + "}", '{"score": ' + text + "}"):
        with suppress(UnusableAnswerError):
            assert 0 <= parse_json(said, Verdict).score <= 5


@given(st.floats(0, 5), st.text(), st.text(alphabet=st.characters(exclude_characters="{}<")))
def test_what_was_written_is_read(score, why, around):
    text = f"{around}{json.dumps({'score': score, 'why': why})}{around}"
    if "<think>" not in text and "</think>" not in text and why.isprintable():
        assert parse_json(text, Verdict) == Verdict(score=score, why=why)


def test_importing_it_does_not_import_pydantic():
    import subprocess
    import sys

    code = "import sys, balcap.judges.parsing; raise SystemExit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
