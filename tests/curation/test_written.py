"""What a writer wrote is read whatever stands around it; one bad question costs no other."""

import json

import pytest

from balcap.curation.written import read_written
from balcap.errors import UnusableAnswerError
from balcap.judges.types import JudgeResponse

RED = {"question": "What colour is the car?", "choices": ["red", "blue"], "answer": "A"}
DOGS = {"question": "How many dogs?", "options": {"A": "two", "B": "three"}, "answer": "B"}
BOTH = [("What colour is the car?", ("red", "blue"), 0), ("How many dogs?", ("two", "three"), 1)]
WHOLE = json.dumps({"questions": [RED, DOGS]})
LETTERED = """#### 1. **What colour is the car?**
   - A) red
   - B) blue
**Answer:** A) red
------
#### 2. **How many dogs?**
   - A) two
   - B) three
**Answer:** B) three
"""


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        json.dumps([RED, DOGS]),
        f"Here they are:\n```json\n{WHOLE}\n```\nI hope this helps.",
        f"{json.dumps(RED)}\n{json.dumps(DOGS)}",
        f"<think>a {{car}} and two or three dogs</think>{WHOLE}",
        WHOLE[:-2] + ', {"question": "Where is the c',  # cut off in the third
        LETTERED,
        LETTERED + "#### 3. **Where is the car?**\n   - A) le",
    ],
)
def test_every_form_gives_the_same_questions(text: str) -> None:
    found = [one.question for one in read_written(JudgeResponse(text), 5)]
    assert [(q.text, q.choices, q.answer) for q in found if q] == BOTH


def test_no_more_than_were_asked_for() -> None:
    assert len(read_written(JudgeResponse(WHOLE), 1)) == 1


def test_a_bad_question_is_told_and_the_others_stay() -> None:
    bad = [{**RED, "answer": "C"}, {**RED, "choices": ["red", "red"]}, {"question": "Why?"}]
    found = read_written(JudgeResponse(json.dumps([*bad, DOGS])), 5)
    assert [one.question is None for one in found] == [True, True, True, False]
    assert [one.repeats for one in found] == [False, True, False, False]
    assert "answer 'C' is not among the choices" in found[0].problem
    assert found[0].raw == bad[0]


@pytest.mark.parametrize("text", ["", "I cannot see a picture.", "[1, 2]", '{"questions": []}'])
def test_an_answer_without_a_question_is_unusable(text: str) -> None:
    with pytest.raises(UnusableAnswerError, match="no question"):
        read_written(JudgeResponse(text), 5)
