"""precision: worked numbers by a judge and by a scene."""

import json
from dataclasses import replace

import pytest

from balcap.data.shapes.grounding import ground
from balcap.data.shapes.scene import Scene, Thing
from balcap.errors import JudgeError
from balcap.heads.scoring import score
from balcap.judges.images import Picture
from balcap.judges.scripted import scripted
from balcap.types import Caption, Sample, Unscored
from balcap_rewards.precision import Precision, PrecisionConfig

SCENE = Scene("gray", (Thing(0, "large", "red", "circle"), Thing(8, "small", "blue", "star")))
SAMPLE = Sample("one", "Describe.", image=SCENE, metadata={"scene": SCENE})
ASSERTIONS = ["There is a circle.", "It feels calm.", "The star is red.", "The star is small."]
# visible and pointable: 1 and 4; visible: 1, 2 and 4
VERDICTS = {
    "1": {"visible": True, "pointable": True},
    "2": {"visible": True, "pointable": False},
    "3": {"visible": False, "pointable": True},
    "4": {"visible": True, "pointable": True},
}


class Judge:
    """Takes every caption apart into the same assertions, and says the same of them."""

    def __init__(self, assertions=ASSERTIONS, verdicts=VERDICTS):
        self.assertions, self.verdicts = assertions, verdicts
        self.asked = []

    def __call__(self, request):
        self.asked.append(request)
        if request.messages[-1].pictures:
            return json.dumps(self.verdicts)
        return json.dumps({"assertions": self.assertions})


def by_judge(judge, text="A circle.", sample=SAMPLE, **settings):
    head = Precision(PrecisionConfig(**settings), judge=scripted(judge))
    return score([head], [Caption(sample, text)]).cells[0][0]


def by_scene(text, sample=SAMPLE, **settings):
    head = Precision(PrecisionConfig(engine="scene", **settings))
    return head.score([Caption(sample, text)])[0]


def test_two_of_four_assertions_are_visible_and_pointable():
    assert by_judge(Judge()) == 2 / 4


def test_without_pointability_three_of_four_count_and_the_judge_is_asked_the_same():
    on, off = Judge(), Judge()
    by_judge(on)
    assert by_judge(off, pointable=False) == 3 / 4
    assert on.asked == off.asked


def test_the_caption_is_taken_apart_unseen_and_its_assertions_are_checked_by_the_image():
    judge = Judge()
    by_judge(judge)
    apart, check = judge.asked
    assert apart.messages[-1].pictures == ()
    assert check.messages[-1].pictures == (Picture(SAMPLE),)
    for number, assertion in enumerate(ASSERTIONS, 1):
        assert f"\n{number}. <<<{assertion}>>>\n" in check.messages[-1].text
    assert "from 1 to 4" in check.messages[-1].text


def test_a_caption_without_assertions_scores_0_and_the_image_is_not_asked_about():
    judge = Judge(assertions=[])
    found = by_judge(judge, "Well, well.")
    assert found == 0.0
    assert found.explanation == "the caption asserts nothing"
    assert len(judge.asked) == 1


@pytest.mark.parametrize(
    "verdicts",
    [
        {number: VERDICTS[number] for number in "1"},
        {**VERDICTS, "5": VERDICTS["1"]},
        list(VERDICTS.values()),
    ],
    ids=["one of four", "extra", "unnumbered"],
)
def test_verdicts_that_do_not_fit_the_assertions_are_no_score(verdicts):
    cell = by_judge(Judge(verdicts=verdicts))
    assert isinstance(cell, Unscored)
    assert cell.cause == "answer"


@pytest.mark.parametrize(
    "verdicts",
    [
        {number: VERDICTS[number] for number in "123"},
        {**VERDICTS, "4": {"visible": True}},
        {**VERDICTS, "4": {"visible": "perhaps", "pointable": True}},
        {**VERDICTS, "4": True},
    ],
    ids=["missing", "half", "perhaps", "flat"],
)
def test_an_assertion_without_a_usable_verdict_is_left_out(verdicts):
    """Of the first three, one is visible and pointable: 1/3."""
    found = by_judge(Judge(verdicts=verdicts))
    assert found == pytest.approx(1 / 3)
    assert "1 of 3 assertions true (1 left out: no usable answer)" in found.explanation
    assert len(found.evidence["assertions"]) == 3


def test_a_check_that_fails_after_the_decomposition_leaves_the_other_captions_scored():
    def judge(request):
        if not request.messages[-1].pictures:
            return json.dumps(
                {"assertions": ["odd" if "odd" in request.messages[-1].text else "even"]}
            )
        if "odd" in request.messages[-1].text:
            raise JudgeError("timed out after 120 s")
        return json.dumps({"1": VERDICTS["1"]})

    head = Precision(judge=scripted(judge))
    texts = ["an odd one", "an even one", "", "another odd one"]
    cells = score([head], [Caption(SAMPLE, text) for text in texts]).cells
    lost = Unscored("timed out after 120 s", "judge")
    assert [cell for (cell,) in cells] == [lost, 1.0, 0.0, lost]


@pytest.mark.parametrize("text", ["A circle.", ""])
def test_a_sample_without_what_is_needed_is_not_scored(text):
    bare = Sample("bare", "Describe.")
    assert by_judge(Judge(), text, bare) == Unscored("no image")
    assert by_scene(text, bare) == Unscored("no scene")


def test_a_scene_of_another_kind_is_told():
    cell = by_scene("A circle.", replace(SAMPLE, metadata={"scene": {"objects": []}}))
    assert cell == Unscored("a scene that cannot be checked: dict")


def test_a_sentence_that_nothing_can_be_pointed_at_for_is_a_false_assertion():
    # claims: a red circle (true), large (true), at the bottom (false); one sentence without any
    text = "A large red circle is at the bottom. A calm and happy mood."
    assert by_scene(text) == 2 / 4
    assert by_scene(text, pointable=False) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("text", "on", "off"),
    [
        ("", 0.0, 0.0),
        ("...", 0.0, 0.0),
        ("A lovely picture.", 0.0, 0.0),
        ("A red circle.", 1.0, 1.0),
        ("A red circle. Lovely! Lovely! LOVELY!", 1 / 2, 1.0),  # said three times, counted once
        ("A red circle. A red circle.", 1.0, 1.0),
        ("A red circle, which is lovely.", 1.0, 1.0),  # a sentence with a claim is not idle
        ("A red star.", 0.0, 0.0),
    ],
)
def test_the_scene_counts_claims_and_idle_sentences_once(text, on, off):
    assert by_scene(text) == on
    assert by_scene(text, pointable=False) == off


def test_without_pointability_it_is_the_fact_precision_of_the_exact_grounding(scenes, texts):
    head = Precision(PrecisionConfig(engine="scene", pointable=False))
    for kind in texts.values():
        captions = [Caption(s, text) for s, text in zip(scenes, kind, strict=True)]
        exact = [ground(c.text, c.sample.metadata["scene"]).fact_precision for c in captions]
        assert head.score(captions) == [value or 0.0 for value in exact]


def test_what_precision_is_for_in_the_shapes_world(mean_score, scenes, texts):
    head = Precision(PrecisionConfig(engine="scene"))
    assert mean_score(head, "reference") == 1.0
    assert mean_score(head, "twice") == 1.0
    assert mean_score(head, "vague") == 0.0
    assert mean_score(head, "other image") < 0.5
    assert 0.8 < mean_score(head, "tele") < 1.0  # 6 % of its attributes are wrong
    idle = [Caption(s, f"{s.reference} It has a calm, happy mood.") for s in scenes]
    assert max(head.score(idle)) < 1.0
