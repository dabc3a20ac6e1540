"""Rows of questions: CaptionQA, CapRL, verl, one question per row."""

import pytest

ASKED = {"question": "Colour?", "choices": ["red", "blue"], "answer": "blue"}

LAYOUTS = {
    "captionqa": {"images": ["a.png"], "questions": [ASKED]},
    "caprl pairs": {"image": "a.png", "qa": [["Colour?\n - A) red\n - B) blue", "B"]]},
    "verl": {
        "images": [{"bytes": None, "path": "a.png"}],
        "prompt": [{"role": "user", "content": "<image>Describe."}],
        "reward_model": {"style": "rule", "ground_truth": [ASKED]},
    },
    "one question per row": {"image": "a.png", **ASKED},
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_says_the_same(folder, name):
    folder.image("a.png")
    row = {"prompt": "Describe.", **LAYOUTS[name]}
    (sample,) = folder.load("caption-qa", folder.json([row])).train
    (question,) = sample.questions
    assert (question.text, question.choices, question.answer) == ("Colour?", ("red", "blue"), 1)
    assert (sample.prompt, sample.reference) == ("Describe.", None)


def test_a_caption_is_the_reference(folder):
    folder.image("a.png")
    row = {"image": "a.png", "caption": "A blue car.", "questions": [ASKED]}
    (sample,) = folder.load("caption-qa", folder.json([row])).train
    assert sample.reference == "A blue car."


def test_rows_of_one_question_of_the_same_image_have_different_ids(folder):
    folder.image("a.png")
    rows = [{"image": "a.png", **ASKED}, {"image": "a.png", **ASKED, "question": "Roof?"}]
    loaded = folder.load("caption-qa", folder.json(rows))
    assert len(loaded.train) == 2
    assert not loaded.problems
