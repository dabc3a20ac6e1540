"""Which answer is right, and which questions are refused."""

import json

import pytest

from balcap.data.questions import answer_index, read_questions, split_options
from balcap.data.row import BadRowError
from balcap.types import Question

CHOICES = ["red", "green", "blue"]


@pytest.mark.parametrize(
    ("answer", "choices", "index"),
    [
        ("green", CHOICES, 1),  # the text
        (" green ", CHOICES, 1),
        ("B", CHOICES, 1),  # a letter, in the ways that models and files write it
        ("c", CHOICES, 2),
        ("(B)", CHOICES, 1),
        ("B.", CHOICES, 1),
        ("B) green", CHOICES, 1),
        (0, CHOICES, 0),  # an index, counted from 0
        (2.0, CHOICES, 2),
        ("B", ["B", "A"], 0),  # the text comes before the letter
        ("1", ["3", "1", "2"], 1),  # a text of digits is a text
        (1, ["3", "1", "2"], 1),  # a number is an index
    ],
)
def test_answer_as_text_letter_or_index(answer, choices, index):
    assert answer_index(answer, choices) == index


def test_a_number_is_a_choice_where_the_choices_are_numbers():
    (question,) = read_questions([{"question": "How many?", "choices": [3, 1, 2], "answer": 2}])
    assert question.choices == ("3", "1", "2")
    assert question.answer == 2


@pytest.mark.parametrize("answer", ["yellow", "D", 3, -1, "1", None, True, 0.5, "B) red", ""])
def test_an_answer_that_is_no_choice_is_refused(answer):
    with pytest.raises(BadRowError, match="not among the choices"):
        answer_index(answer, CHOICES)


ASKED = {"question": "What colour?", "choices": CHOICES, "answer": "blue"}
READ = Question(text="What colour?", choices=tuple(CHOICES), answer=2)


@pytest.mark.parametrize(
    "cell",
    [
        [ASKED],
        ASKED,
        json.dumps([ASKED]),
        {"question": ["What colour?"], "choices": [CHOICES], "answer": ["C"]},
        [{"question": "What colour?", "options": CHOICES, "gold": "C"}],
        [ASKED | {"choices": {"A": "red", "B": "green", "C": "blue"}, "answer": "C"}],
        [ASKED | {"choices": ["A) red", "B) green", "C) blue"]}],
        [["What colour?\n  - A) red\n  - B) green\n  - C) blue", "C"]],
        [{"question": "What colour?\nA. red\nB. green\nC. blue\n", "answer": "C"}],
    ],
)
def test_every_layout_says_the_same(cell):
    assert read_questions(cell) == (READ,)


def test_kind_and_statements_are_kept():
    (question,) = read_questions(
        [{**ASKED, "category": ["colour", "of car"], "statements": ["r", "g", "b"]}]
    )
    assert question.kind == "colour / of car"
    assert question.statements == ("r", "g", "b")


def test_no_cell_means_no_questions():
    assert read_questions(None) == read_questions([]) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"question": " "}, "has no text"),
        ({"choices": ["red"]}, "has 1 choices"),
        ({"choices": None}, "has 0 choices"),
        ({"choices": ["red", "red", "blue"]}, "'red' appears twice"),
        ({"choices": ["red", "", "blue"]}, "choice 2 is empty"),
        ({"choices": "red, blue"}, "not a list"),
        ({"answer": "pink"}, "not among"),
        ({"statements": ["r"]}, "statements"),
    ],
)
def test_a_malformed_question_is_named_by_its_number(change, reason):
    with pytest.raises(BadRowError, match=f"question 2.*{reason}"):
        read_questions([ASKED, ASKED | change])


@pytest.mark.parametrize("cell", ["what?", 7, [7], {"question": ["a", "b"], "answer": ["A"]}])
def test_a_cell_that_holds_no_questions_is_refused(cell):
    with pytest.raises(BadRowError):
        read_questions(cell)


def test_options_begin_with_the_next_letter_only():
    # "I" stands where A is due, so it belongs to the question; "E" where C is due continues B.
    text = "Which?\nI. first clue\n- A) red\n- B) green\nE) or so"
    assert split_options(text) == ("Which?\nI. first clue", ["red", "green E) or so"])
