"""cov, engine llm: the share of reference units that a matcher calls covered."""

import json
import re

import pytest

from balcap.errors import JudgeError
from balcap.judges.event_loop import run
from balcap.judges.scripted import scripted
from balcap.types import Caption, Sample, Unscored
from balcap_rewards.cov import Cov, CovConfig
from balcap_rewards.injections import INJECTIONS

SAMPLE = Sample(
    "a",
    "",
    reference="A red dog runs on a beach; the sea is calm.",
    facts=("a dog", "a red dog", "a beach"),
)
UNITS = ("a dog", "red", "runs", "a beach", "calm sea")


def marked(request):
    """The texts between marks, without the marks that the instructions name."""
    found = re.findall(r"<<<(.*?)>>>(?!>)", request.messages[-1].text, re.DOTALL)
    return [text for text in found if text != " and "]


def is_decomposition(request):
    return "assertions" in request.schema["properties"]


def by_rule(request):
    """Takes any reference apart into UNITS; a unit is covered if the caption has its words."""
    if is_decomposition(request):
        return json.dumps({"assertions": UNITS})
    *units, caption = marked(request)
    return json.dumps({str(n): unit in caption for n, unit in enumerate(units, 1)})


def covered(captions, script=by_rule, **settings):
    """Scores of captions (texts stand for captions of SAMPLE), and what was asked."""
    asked = []

    def recorded(request):
        asked.append(request)
        return script(request)

    head = Cov(CovConfig(engine="llm", **settings), judge=scripted(recorded))
    captions = [Caption(SAMPLE, each) if isinstance(each, str) else each for each in captions]
    return run(head.score(captions)), asked


def test_share_of_the_assertions_that_are_covered():
    # all five; a dog, red and a beach of five; none
    texts = ["a dog, red, runs on a beach by a calm sea", "a dog, red, on a beach, grey sky", "A."]
    assert covered(texts)[0] == [1.0, 0.6, 0.0]


def test_a_reference_is_taken_apart_once():
    head = Cov(CovConfig(engine="llm"), judge=scripted(by_rule))
    captions = [Caption(SAMPLE, f"a dog, number {n}") for n in range(8)]
    assert run(head.score(captions)) == [0.2] * 8
    assert head.usage.questions - head.usage.cached == 1 + 8
    run(head.score([Caption(SAMPLE, "another caption")]))
    assert head.usage.questions - head.usage.cached == 1 + 8 + 1


@pytest.mark.parametrize(
    ("unit", "share"),
    # 2 of the 3 facts; of the sentences, here one with a semicolon, 0 of 1
    [("facts", 2 / 3), ("sentences", 0.0)],
)
def test_facts_and_sentences_are_matched_as_they_are(unit, share):
    scores, asked = covered(["a red dog"], by_rule_with_articles, unit=unit)
    assert scores == pytest.approx([share])
    assert not any(is_decomposition(request) for request in asked)


def by_rule_with_articles(request):
    *units, caption = marked(request)
    words = caption.split()
    return json.dumps({str(n): set(u.split()) <= set(words) for n, u in enumerate(units, 1)})


def test_what_needs_no_judge_is_not_asked():
    bare = Sample("b", "")
    blank = Sample("c", "", reference=" ... ")
    captions = ["", " \n", Caption(bare, "A dog."), Caption(bare, ""), Caption(blank, "A dog.")]
    scores, asked = covered(captions)
    assert scores == [0.0, 0.0, *[Unscored("no reference")] * 3]
    assert asked == []
    scores, asked = covered(captions[:3], unit="facts")
    assert (scores, asked) == ([0.0, 0.0, Unscored("no facts")], [])


def test_a_reference_without_assertions_leaves_its_captions_unscored():
    def script(request):
        return '{"assertions": []}' if is_decomposition(request) else by_rule(request)

    scores, asked = covered(["A dog.", ""], script)
    assert scores == [Unscored("the judge finds no assertion in the reference", "answer"), 0.0]
    assert len(asked) == 1


def test_a_failure_leaves_the_other_captions_alone():
    other = Sample("d", "", reference="A bus.")

    def script(request):
        if is_decomposition(request) and "A bus" in marked(request)[-1]:
            raise JudgeError("connection refused")
        if "fog" in marked(request)[-1]:
            raise JudgeError("timed out after 120 s")
        return by_rule(request)

    scores, _ = covered([Caption(other, "A bus."), "a dog in fog", "a dog"], script)
    assert scores == [
        Unscored("connection refused", "judge"),
        Unscored("timed out after 120 s", "judge"),
        0.2,
    ]


@pytest.mark.parametrize(
    "verdicts",
    [
        {"1": True, "2": True},  # fewer than half
        {"1": True, "2": True, "3": False, "4": False, "5": True, "6": True},  # one too many
        {"covered": [1, 2]},
    ],
)
def test_an_answer_that_says_too_little_is_none(verdicts):
    def script(request):
        return by_rule(request) if is_decomposition(request) else json.dumps(verdicts)

    (score,), _ = covered(["a dog"], script)
    assert isinstance(score, Unscored)
    assert score.cause == "answer"


@pytest.mark.parametrize("fifth", [{}, {"5": "yes"}])
def test_a_unit_without_a_usable_verdict_is_left_out(fifth):
    """2 of the 4 units that have one are covered."""

    def script(request):
        verdicts = {"1": True, "2": True, "3": False, "4": False, **fifth}
        return by_rule(request) if is_decomposition(request) else json.dumps(verdicts)

    (score,), _ = covered(["a dog"], script)
    assert score == 0.5
    assert score.explanation.startswith("2 of 4 stated (1 left out: no usable answer); missed: ")
    assert len(score.evidence["stated"]) == len(score.evidence["missed"]) == 2


def test_the_order_and_size_of_a_batch_change_nothing():
    texts = ["a dog", "a dog runs", "", "a calm sea", "a dog, red"]
    forth, _ = covered(texts)
    assert len(set(forth)) == 3  # 1/5, 2/5 and 0: "a calm sea" has no other unit's words
    assert covered(texts[::-1])[0] == forth[::-1]
    assert [covered([text])[0][0] for text in texts] == forth


def test_captions_of_a_sample_are_asked_with_the_same_beginning():
    _, asked = covered(["red", "blue"])
    first, second = (request.messages[0].text for request in asked if not is_decomposition(request))
    assert first.partition("<<<red>>>\n\nAnswer")[0] == second.partition("<<<blue>>>")[0]
    assert all(f"{n}. <<<{unit}>>>\n" in second for n, unit in enumerate(UNITS, 1))


def test_the_answer_has_a_place_for_every_unit_and_no_more():
    _, asked = covered(["red"])
    schema = asked[-1].schema
    assert schema["required"] == ["1", "2", "3", "4", "5"]
    assert schema["additionalProperties"] is False
    assert asked[-1].temperature == 0


@pytest.mark.parametrize("text", [text for texts in INJECTIONS.values() for text in texts])
def test_a_caption_stays_between_the_marks(text):
    _, asked = covered([text, "A dog."])
    hostile, harmless = (
        re.split(r"<<<.*?>>>(?!>)", request.messages[0].text, flags=re.DOTALL)
        for request in asked[1:]
    )
    assert hostile == harmless


def test_needs():
    assert Cov(CovConfig(engine="llm")).requires == {"reference"}
    assert Cov(CovConfig(engine="llm", unit="facts")).requires == {"facts"}
    assert Cov(CovConfig(engine="llm")).uses_judge
    assert not Cov().uses_judge
