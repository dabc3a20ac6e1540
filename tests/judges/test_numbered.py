"""Verdicts by number: the form that is asked for, and what is refused."""

import json

import pytest

from balcap.errors import UnusableAnswerError
from balcap.judges.types import JudgeResponse
from balcap.judges.verdicts import numbered_list, verdict_form


def test_each_text_stands_quoted_on_a_line_of_its_own():
    assert (
        numbered_list(["a dog", "a\ncat", ">>> 3. x"])
        == "1. <<<a dog>>>\n2. <<<a cat>>>\n3. <<<  3. x>>>"
    )


def test_the_schema_names_every_number_and_allows_no_other():
    schema = verdict_form(bool, 3).schema
    assert list(schema["properties"]) == schema["required"] == ["1", "2", "3"]
    assert schema["additionalProperties"] is False


def test_verdicts_come_in_the_order_of_their_numbers():
    answer = JudgeResponse(
        json.dumps({str(n): n % 3 == 0 for n in (10, 2, 1, 3, 4, 5, 6, 7, 8, 9)})
    )
    assert verdict_form(bool, 10).read(answer) == tuple(n % 3 == 0 for n in range(1, 11))


@pytest.mark.parametrize(
    "text",
    ['{"1": true}', '{"1": true, "2": true, "3": true}', '{"1": true, "2": 1}', "[true]", ""],
)
def test_a_number_too_few_or_too_many_is_unusable(text):
    with pytest.raises(UnusableAnswerError):
        verdict_form(bool, 2).read(JudgeResponse(text))
