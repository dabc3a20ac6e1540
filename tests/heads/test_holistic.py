"""holistic: one number of a judge that sees the image."""

import pytest

from balcap.data.shapes.scene import Scene, Thing
from balcap.heads.scoring import score
from balcap.judges.images import Picture
from balcap.judges.scripted import scripted
from balcap.types import Caption, Sample, Unscored
from balcap_rewards.holistic import Holistic

SAMPLE = Sample("one", "Describe.", image=Scene("gray", (Thing(0, "large", "red", "circle"),)))


def said(answer, text="A red circle.", sample=SAMPLE):
    return score([Holistic(judge=scripted(answer))], [Caption(sample, text)]).cells[0][0]


@pytest.mark.parametrize(("points", "expected"), [(0, 0.0), (7, 0.7), (10, 1.0)])
def test_ten_points_are_one(points, expected):
    assert said(lambda request: f'{{"score": {points}}}') == expected


@pytest.mark.parametrize("points", ["11", "-1", "7.5", '"seven"', "true", "null"])
def test_what_is_off_the_scale_is_no_score(points):
    cell = said(lambda request: f'{{"score": {points}}}')
    assert isinstance(cell, Unscored)
    assert cell.cause == "answer"


def test_the_judge_sees_the_image_and_the_caption_in_one_question():
    asked = []
    said(lambda request: asked.append(request) or '{"score": 1}')
    (request,) = asked
    assert request.messages[-1].pictures == (Picture(SAMPLE),)
    assert "<<<A red circle.>>>" in request.messages[-1].text


@pytest.mark.parametrize("text", ["A red circle.", ""])
def test_a_sample_without_image_is_not_scored(text):
    assert said(lambda request: "?", text, Sample("bare", "Describe.")) == Unscored("no image")
