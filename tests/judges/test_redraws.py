"""An answer that cannot be used is drawn again; what still cannot is counted, and left out."""

import asyncio
import random

import pytest

from balcap.errors import JudgeError, UnusableAnswerError
from balcap.heads.answers import Usable, usable
from balcap.judges.cache.answers import Memory
from balcap.judges.judge import Judge, SharedBackend
from balcap.judges.scripted import Scripted
from balcap.judges.types import REDRAW_TEMPERATURE, JudgeRequest
from balcap.judges.usage import Usage

MENU = JudgeRequest.of("A or B?", temperature=0.6, draw=3)


def letter(answer):
    if answer.text not in ("A", "B"):
        raise UnusableAnswerError(f"off the menu: {answer.text!r}")
    return answer.text


class Babbler:
    """Says B in the end, after so many answers that are none."""

    def __init__(self, babbles):
        self.babbles = babbles
        self.asked = []

    def __call__(self, request):
        self.asked.append(request)
        return "What?" if len(self.asked) <= self.babbles else "B"


def judge_of(script, redraws=2, answers=None):
    return Judge(SharedBackend(Scripted(script, "babbler"), answers or Memory()), redraws=redraws)


@pytest.mark.parametrize(
    ("babbles", "said", "usage"),
    [
        (0, "B", {"questions": 1}),
        (1, "B", {"questions": 2, "unusable": 1, "redrawn": 1}),
        (2, "B", {"questions": 3, "unusable": 1, "redrawn": 2}),
        (3, None, {"questions": 3, "unusable": 1, "redrawn": 2, "dropped": 1, "failed": 1}),
    ],
)
def test_it_is_drawn_again_twice(babbles, said, usage):
    judge = judge_of(Babbler(babbles))
    (found,) = asyncio.run(judge.read([MENU], letter))
    assert found == said or (said is None and isinstance(found, UnusableAnswerError))
    counted = {name: getattr(judge.usage, name) for name in usage}
    assert counted == usage
    assert judge.usage.first_asked == 1


def test_a_draw_again_is_another_draw_and_not_the_greedy_answer_once_more():
    script = Babbler(2)
    asyncio.run(judge_of(script).read([JudgeRequest.of("A or B?")], letter))
    assert [request.temperature for request in script.asked] == [0.0] + [REDRAW_TEMPERATURE] * 2
    assert len({request.draw for request in script.asked}) == 3
    assert len({request.key({}) for request in script.asked}) == 3


def test_what_was_drawn_again_is_known_afterwards():
    """Scored again, the judge is not asked, and says the same."""
    answers, script = Memory(), Babbler(2)
    first = asyncio.run(judge_of(script, answers=answers).read([MENU], letter))
    again = judge_of(script, answers=answers)
    assert asyncio.run(again.read([MENU], letter)) == first == ["B"]
    assert len(script.asked) == 3
    assert (again.usage.questions, again.usage.cached) == (3, 3)


def test_probabilities_would_be_the_same_and_are_not_drawn_again():
    script = Babbler(9)
    asyncio.run(judge_of(script).read([JudgeRequest.of("A or B?", choices=("A", "B"))], letter))
    assert len(script.asked) == 1


def test_a_judge_that_did_not_answer_is_not_asked_again_here():
    def down(request):
        down.asked += 1
        raise JudgeError("down")

    down.asked = 0
    judge = judge_of(down)
    (found,) = asyncio.run(judge.read([MENU], letter))
    assert str(found) == "down"
    assert down.asked == 1
    assert judge.usage == Usage(questions=1, failed=1)


@pytest.mark.parametrize("babble", [0.03, 0.1, 0.3])
def test_how_many_are_left_out(babble):
    """Each of three draws babbles independently: babble^3 of the questions have no answer.

    4,000 questions; the bound is 5 standard deviations of the binomial count.
    """
    rng = random.Random(0)
    n = 4000
    requests = [JudgeRequest.of(f"question {i}", temperature=1.0) for i in range(n)]
    judge = judge_of(lambda request: "What?" if rng.random() < babble else "A")
    asyncio.run(judge.read(requests, letter))
    for count, share in ((judge.usage.unusable, babble), (judge.usage.dropped, babble**3)):
        assert abs(count - n * share) <= 5 * (n * share * (1 - share)) ** 0.5


BAD = UnusableAnswerError("off the menu")


@pytest.mark.parametrize(
    ("outcomes", "least", "expected"),
    [
        ([1.0, 0.0], 0.5, (1.0, 0.0)),
        ([1.0, BAD], 0.5, (1.0, None)),  # half is enough
        ([1.0, BAD, BAD], 0.5, "2 of 3 questions: off the menu"),
        ([1.0, BAD, BAD], 0.0, (1.0, None, None)),
        ([BAD], 0.0, "1 of 1 questions: off the menu"),  # of nothing there is no mean
        ([1.0, BAD, JudgeError("down")], 0.0, "2 of 3 questions: down"),  # waited for, not left out
    ],
)
def test_what_a_caption_is_scored_from(outcomes, least, expected):
    found = usable(outcomes, least)
    if isinstance(expected, str):
        assert str(found) == expected
        assert isinstance(found, UnusableAnswerError) == ("down" not in expected)
    else:
        assert found == Usable(expected)
