"""Each rule on its own, at its bounds."""

import pytest

from balcap.config import QuestionSettings
from balcap.curation.menu import RotatedMenu
from balcap.curation.near import nearness, without_near
from balcap.curation.question_report import QuestionReport
from balcap.curation.rules import Verdict, answered_fault, form_fault
from balcap.curation.written import Written
from balcap.errors import UserError
from balcap.judges.types import JudgeResponse
from balcap.types import Question

OPTIONS = ("red", "blue", "green", "black")


def written(text: str, *choices: str, answer: int = 0) -> Written:
    return Written(Question(text, choices or OPTIONS, answer))


@pytest.mark.parametrize(
    ("one", "rule"),
    [
        (written("What colour is the car?"), ""),
        (written("What colour is the red car?"), "given away"),
        (
            written("What colour is the blue car?"),
            "",
        ),  # a wrong one may be named
        (written("What colour is the fired car?"), ""),  # `red` is no word of it
        (written("Is the car red or blue?", "red", "blue"), ""),  # both are named
        (written("Is the car red or blue?", "red", "blue", "green"), "given away"),
        (written("What is beside the red car?", "Red car!", "a tree"), "given away"),
        (written("Which one?", "A dog", "a dog."), "repeated option"),
        (written("Which sign?", "+", "-"), ""),  # no words, and not the same
        (written("Which?", *map(str, range(27))), "malformed"),  # there are 26 letters
        (Written(None, "has no text"), "malformed"),
        (Written(None, "choice 'a' appears twice", repeats=True), "repeated option"),
    ],
)
def test_the_words_of_a_question(one: Written, rule: str) -> None:
    assert form_fault(one) == rule


@pytest.mark.parametrize(
    ("seen", "blind", "rule"),
    [
        ((0, 0, 0, 0), (1, 2, 3, 3), ""),
        ((0, 0, 0, 1), (0, 1, 2, 3), ""),  # 0.75 and 0.25: the bounds themselves are kept
        ((0, 0, 1, 1), (1, 1, 1, 1), "wrong with the image"),
        ((0, 0, 0, None), (None, None, None, 0), ""),  # unusable answers are not right
        ((0, 0, None, None), (1, 1, 1, 1), "wrong with the image"),
        ((0, 0, 0, 0), (0, 0, 1, 1), "right without the image"),
    ],
)
def test_the_shares_of_right_answers(seen: tuple, blind: tuple, rule: str) -> None:
    verdict = Verdict(written("What colour is it?"), with_image=seen, without_image=blind)
    assert answered_fault(verdict, QuestionSettings()) == rule


def test_the_right_option_stands_behind_every_letter_once() -> None:
    menus = [RotatedMenu(Question("Which?", OPTIONS, 2), rotation) for rotation in range(5)]
    texts = [menu.request(None, 10).messages[0].text for menu in menus]
    # green is option 2: moved on by 0, 1, 2, 3 places it stands behind C, B, A, D
    for menu, letter in zip(menus, "CBADC", strict=True):
        assert menu.read(JudgeResponse(f"{letter})")) == 2
    # the fifth is the first one again, as another draw
    assert texts[4] == texts[0]
    assert [menu.request(None, 10).draw for menu in menus] == [0, 0, 0, 0, 1]


def kept(text: str, answer: str) -> Verdict:
    return Verdict(Written(Question(text, (answer, "none of it"), 0)))


def test_near_duplicates_by_words() -> None:
    how = nearness(QuestionSettings(near="words"))
    verdicts = [
        kept("What colour is the car?", "red"),
        kept("What colour is the car?", "blue"),  # it cannot be both
        kept("So, what colour is the car?", "red"),  # 6 of 7 words are in both
        kept("What is beside the car?", "a tree"),
        kept("Which of these is there?", "a tree").dropped("wrong with the image"),
        kept("Which of these is there?", "a tree"),  # only what is kept counts as asked before
    ]
    found = without_near(verdicts, how, 0.85)
    assert [one.rule for one in found] == ["", "", "near duplicate", "", "wrong with the image", ""]
    assert [one.near for one in found] == [None, None, 0, None, None, None]
    assert how.name == "words"


def test_near_duplicates_by_sentences() -> None:
    how = nearness(QuestionSettings())
    assert how.name == "embedding auto"
    verdicts = [
        kept("What colour is the dog's collar?", "red"),
        kept("Which colour does the collar of the dog have?", "red"),
        kept("What is the man wearing?", "a hat"),
    ]
    found = without_near(verdicts, how, QuestionSettings().near_similarity)
    assert [one.rule for one in found] == ["", "near duplicate", ""]


def test_the_reader_s_letters_are_those_that_it_was_shown() -> None:
    report = QuestionReport()
    # always the first letter: of four rotations the options 0, 1, 2, 3
    one = Verdict(written("What colour?"), with_image=(0, 1, 2, 3), without_image=(None, 1, 2, 3))
    report.add([one.dropped("wrong with the image")])
    found = report.plain()["reader"]
    assert found == {"with_image": {"A": 1.0}, "without_image": {"A": 0.75, "unusable": 0.25}}


def test_a_report_of_nothing_has_no_shares() -> None:
    found = QuestionReport().plain()
    assert (found["written"], found["kept"]) == (0, 0)
    assert {one["share"] for one in found["rules"].values()} == {None}


def test_bounds_are_checked() -> None:
    with pytest.raises(UserError, match=r"questions\.min_with_image is 2"):
        QuestionSettings(min_with_image=2.0)
    with pytest.raises(UserError, match=r"questions\.rotations is 0"):
        QuestionSettings(rotations=0)
