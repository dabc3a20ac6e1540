"""qa, engine llm, answer gain: how much likelier the caption makes the right letter."""

import math

import pytest

from balcap.config import JudgeSettings
from balcap.errors import UserError
from balcap.heads import choose
from balcap.heads.reading import ABSTAIN
from balcap.judges.scripted import scripted
from balcap.judges.types import JudgeResponse
from balcap.types import Unscored
from balcap_rewards.qa import Qa, QaConfig
from helpers.readers import ONLY_CAR, SAMPLE, Seen, read


def reader(seen, blind):
    """Gives the right options these probabilities with a caption and without; abstaining the rest.

    Right are "red", "run" and "nobody" (`helpers.readers`); `seen` by word of the caption.
    """

    def script(request):
        shown = Seen.of(request)
        chance = blind
        if shown.caption:
            chance = next(p for word, p in seen.items() if word in shown.caption)
        each = []
        for option in shown.options.values():
            is_right = option in ("red", "run", "nobody")
            each.append(chance if is_right else 1 - chance if option == ABSTAIN else 0.0)
        return JudgeResponse("?", tuple(math.log(p) if p else -math.inf for p in each))

    return script


def test_gain_is_the_likelihood_with_the_caption_minus_that_without_in_0_to_1():
    # (1 + .8 - .3) / 2 = .75; (1 + .3 - .3) / 2 = .5; (1 + .1 - .3) / 2 = .4
    script = reader({"good": 0.8, "idle": 0.3, "wrong": 0.1}, blind=0.3)
    scores, _ = read(["good", "idle", "wrong", ""], script, answer="gain")
    assert scores == pytest.approx([0.75, 0.5, 0.4, 0.0])
    sure = reader({"all": 1.0, "none": 0.0}, blind=0.0)
    assert read(["all", "none"], sure, answer="gain")[0] == pytest.approx([1.0, 0.5])
    knows = reader({"lie": 0.0}, blind=1.0)
    assert read(["lie"], knows, answer="gain")[0] == pytest.approx([0.0])


def test_the_explanation_says_both():
    script = reader({"good": 0.8, "wrong": 0.1}, blind=0.3)
    (good, wrong), _ = read(["good", "wrong"], script, ONLY_CAR, answer="gain")
    assert good.explanation == (
        "right letters 0.80 likely with the caption, 0.30 without; 1 of 1 made likelier"
    )
    assert wrong.explanation == (
        "right letters 0.10 likely with the caption, 0.30 without; 0 of 1 made likelier; "
        f"not: Which colour is the car? ({ABSTAIN})"
    )
    (answer,) = good.evidence["answers"]
    assert (answer["seen"], answer["blind"]) == pytest.approx((0.8, 0.3))


@pytest.mark.parametrize("draws", [0, 8])
def test_without_a_caption_each_question_is_asked_once_for_all_captions(draws):
    script = reader({"good": 0.8}, blind=0.3)
    texts = [f"good {number}" for number in range(10)]
    _, asked = read(texts, script, answer="gain", draws=draws)
    blind = [request for request in asked if not Seen.of(request).caption]
    seen = [request for request in asked if Seen.of(request).caption]
    menus = {(shown.question, *shown.options.values()) for shown in map(Seen.of, blind)}
    # the same orders with every caption as without; 3 questions, or at most as many as drawn
    assert len(menus) == len(blind) <= (draws or 3)
    assert len(seen) == 10 * len(blind)
    assert {(s.question, *s.options.values()) for s in map(Seen.of, seen)} == menus


def test_what_cannot_be_used_without_the_caption_leaves_the_question_out():
    inner = reader({"good": 0.8}, blind=0.3)

    def script(request):
        shown = Seen.of(request)
        return "?" if not shown.caption and "dog" in shown.question else inner(request)

    (score,), _ = read(["good"], script, SAMPLE, answer="gain")
    assert score == pytest.approx(0.75)
    assert "2 of 2 made likelier (1 left out: no usable answer)" in score.explanation
    (score,), _ = read(["good"], lambda request: "A", ONLY_CAR, answer="gain")
    assert score == Unscored("1 of 1 questions: no log-probabilities in the answer", "answer")


def test_the_engine_that_asks_nobody_is_refused():
    with pytest.raises(UserError, match=r"qa.answer is 'gain'.*--qa.engine llm"):
        QaConfig(answer="gain")


@pytest.mark.parametrize("answer", ["soft", "gain"])
def test_a_judge_that_is_known_to_say_texts_only_is_refused_before_it_is_asked(answer, tmp_path):
    (tmp_path / "mine.py").write_text("def says(request) -> str:\n    return 'A'\n")
    judge = JudgeSettings(backend="scripted", model=f"{tmp_path}/mine.py:says")
    config = QaConfig(engine="llm", answer=answer)
    with pytest.raises(UserError, match=rf"qa.answer is '{answer}'.*mine.py:says.*texts only"):
        choose("qa").build({"qa": config}, judge)
    choose("qa").build({"qa": QaConfig(engine="llm")}, judge)
    Qa(config).attach_judge(scripted(lambda request: "A"))  # nothing is said: it is tried
