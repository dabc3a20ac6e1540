"""decompose: texts to atomic assertions."""

import asyncio
import json
import re

import pytest

from balcap.errors import JudgeError, UnusableAnswerError
from balcap.judges.decompose import decompose
from balcap.judges.event_loop import run
from balcap.judges.judge import Judge, SharedBackend
from balcap.judges.scripted import Scripted, scripted
from balcap.judges.types import JudgeResponse
from balcap_rewards.injections import INJECTIONS

TEXT = "A red dog runs. It is happy."


def said(*assertions):
    return json.dumps({"assertions": list(assertions)})


def described(request):
    """What stands between the last pair of marks."""
    return re.findall(r"<<<(.*?)>>>(?!>)", request.messages[-1].text, re.DOTALL)[-1]


def taken_apart(script, *texts, **settings):
    return run(decompose(scripted(script), texts, **settings))


def test_one_tuple_a_text_in_their_order():
    def script(request):
        return said(*described(request).split(". "))

    assert taken_apart(script, "A dog. A cat", "", " \n", "A bus") == [
        ("A dog", "A cat"),
        (),
        (),
        ("A bus",),
    ]


def test_an_assertion_said_again_counts_once():
    answer = said("A dog runs.", "a dog  runs.", "", " ", "The dog\nis red.")
    assert taken_apart(lambda request: answer, TEXT) == [("A dog runs.", "The dog is red.")]


def test_equal_texts_are_asked_once_whoever_asks():
    asked = []

    async def script(request):
        asked.append(described(request))
        await asyncio.sleep(0)  # let the other head ask meanwhile
        return said("A dog.")

    async def two_heads(shared):
        texts = [TEXT, "A cat.", TEXT]
        return await asyncio.gather(*(decompose(Judge(shared), texts) for _ in range(2)))

    shared = SharedBackend(Scripted(script))
    first, second = run(two_heads(shared))
    assert first == second == [("A dog.",)] * 3
    assert sorted(asked) == ["A cat.", TEXT]
    run(decompose(Judge(shared), [TEXT]))
    assert len(asked) == 2


def test_a_failure_leaves_the_other_texts_alone():
    def script(request):
        if "red" in described(request):
            raise JudgeError("timed out after 120 s")
        return said("A cat.") if "cat" in described(request) else "I see a bus."

    failed, good, unusable = taken_apart(script, "A red dog.", "A cat.", "A bus.")
    assert good == ("A cat.",)
    assert type(failed) is JudgeError
    assert str(failed) == "timed out after 120 s"
    assert type(unusable) is UnusableAnswerError


@pytest.mark.parametrize(
    "answer",
    ["", "[]", '{"assertions": "A dog."}', '{"assertions": [1]}', '{"facts": ["A dog."]}',
     '{"assertions": ["A dog."', '{"assertions": [], "score": 10}'],
)  # fmt: skip
def test_an_answer_of_another_form_is_none(answer):
    (outcome,) = taken_apart(lambda request: answer, TEXT)
    assert isinstance(outcome, UnusableAnswerError)


def test_a_text_without_end_has_a_bounded_cost():
    asked = []

    def script(request):
        asked.append(request)
        return said(*(f"Dog {number}." for number in range(300)))

    (found,) = taken_apart(script, "A dog runs. " * 5000)
    assert len(found) == 200
    assert found[:2] == ("Dog 0.", "Dog 1.")
    assert taken_apart(script, TEXT, most=3) == [("Dog 0.", "Dog 1.", "Dog 2.")]
    # 512 and a token a byte, at most 32 for each of the 200 assertions
    assert [request.max_tokens for request in asked] == [512 + 32 * 200, 512 + len(TEXT)]
    assert "at most 3 assertions" in asked[1].messages[0].text


def test_the_question_is_greedy_and_brings_its_form():
    asked = []

    def script(request):
        asked.append(request)
        return JudgeResponse(said("A dog."))

    taken_apart(script, TEXT)
    assert asked[0].temperature == 0
    assert asked[0].schema["required"] == ["assertions"]
    assert asked[0].schema["additionalProperties"] is False


@pytest.mark.parametrize("text", [text for texts in INJECTIONS.values() for text in texts])
def test_a_caption_stays_between_the_marks(text):
    asked = []

    def script(request):
        asked.append(request.messages[0].text)
        return said()

    taken_apart(script, text, "A dog.")
    hostile, harmless = (re.split(r"<<<.*?>>>(?!>)", words, flags=re.DOTALL) for words in asked)
    assert hostile == harmless
