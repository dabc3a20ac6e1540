"""qa, engine llm, answer soft: the probability of the right letter."""

import hashlib
import math

import pytest

from balcap.judges.types import JudgeResponse
from balcap.types import Sample, Unscored
from helpers.readers import CAR, DOG, ONLY_CAR, Seen, read


def likely(**shares):
    """A reader with these probabilities for its options (abstaining: `other`); letters last."""

    def script(request):
        options = Seen.of(request).options.values()
        each = [shares.get(text, shares.get("other", 0.0)) for text in options]
        return JudgeResponse("?", tuple(math.log(p) if p else -math.inf for p in each))

    return script


def test_soft_is_the_probability_of_the_right_letter_among_the_menu():
    # red .5 of .5 + .25 + .05 + .15 (to abstain); the rest, .05, is something else than a letter
    script = likely(red=0.5, blue=0.25, green=0.05, other=0.15)
    scores, (request,) = read(["A car."], script, ONLY_CAR, answer="soft")
    assert scores == pytest.approx([0.5 / 0.95])
    assert (request.max_tokens, request.temperature, request.choices) == (
        1,
        0.0,
        ("A", "B", "C", "D"),
    )
    # without "cannot be told": .5 of .8
    scores, _ = read(["A car."], script, ONLY_CAR, answer="soft", abstain=False)
    assert scores == pytest.approx([0.625])
    # the dog runs: .1 of .1 + .2 + .3 and .4 to abstain; mean of the two
    script = likely(red=0.5, blue=0.25, green=0.25, run=0.1, sleep=0.2, eat=0.3, other=0.0)
    both = Sample("d", "", questions=(CAR, DOG))
    scores, _ = read(["A car."], script, both, answer="soft")
    assert scores == pytest.approx([(0.5 + 0.1 / 0.6) / 2])


def test_soft_is_what_letters_give_in_expectation():
    # 2000 letters with a right one of .7: standard error sqrt(.7 x .3 / 2000) = .010
    def letter(request):
        seen = Seen.of(request)
        is_right = int(hashlib.sha256(request.key({}).encode()).hexdigest(), 16) % 10 < 7
        return seen.letter("red" if is_right else "blue")

    said, _ = read(["A car."], letter, ONLY_CAR, draws=2000)
    soft, _ = read(["A car."], likely(red=0.7, blue=0.3), ONLY_CAR, draws=2000, answer="soft")
    assert soft == pytest.approx([0.7])
    assert said == pytest.approx(soft, abs=0.05)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (likely(), "the letters ABCD have a probability of 0 together"),
        (likely(red=0.005), "the letters ABCD have a probability of 0.005 together"),
        (lambda request: "A", "no log-probabilities in the answer"),
    ],
)
def test_soft_without_letters_is_no_answer(script, reason):
    scores, _ = read(["A car."], script, ONLY_CAR, answer="soft")
    assert scores == [Unscored(f"1 of 1 questions: {reason}", "answer")]


def test_how_little_probability_is_enough_can_be_set():
    scores, _ = read(["A car."], likely(red=0.005), ONLY_CAR, answer="soft", min_mass=0.0)
    assert scores == [1.0]
