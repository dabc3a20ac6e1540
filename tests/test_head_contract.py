"""What every registered head must do, with each of its engines.

A new head joins by its line among the entry points, a new engine by being one of the `engine`s of
its settings. Heads that ask get a judge that answers every question in the form it was asked for.
"""

import itertools
import math
import re
from dataclasses import replace
from importlib.metadata import entry_points
from typing import get_args, get_type_hints

import pytest

from balcap.config import DataSettings, ShapesSettings
from balcap.data import shapes
from balcap.errors import JudgeError
from balcap.heads import find
from balcap.heads.scoring import score
from balcap.judges.scripted import scripted
from balcap.types import Caption, Sample, Unscored
from balcap_rewards.injections import INJECTIONS
from helpers.judges import Dutiful, frame_of, mumbling, silent, text_of

ODD = [
    "",
    " \n\t ",
    "...",
    "\x00\ufffd\u200b",
    "一只狗坐在草地上。",
    "🐕 🐈‍⬛ 🦜",
    "כלב \u202eevil\u202c",
    "**A dog** <b>and</b> {a: 'cat'} \\n %s",
    "dog",
    "the " * 2000,
    "x" * 10000,
    "A dog runs. " * 300,
]
RUBRIC = [
    {"criterion": "Names every shape.", "weight": 3},
    {"criterion": "Says where the shapes are.", "weight": 2},
    {"criterion": "Names the background.", "weight": 1},
]
SERVED = {"languagetool"}  # engines that a server has to be there for: they have tests of their own
MORE = [
    ("qa", {"engine": "llm", "answer": "soft"}),
    ("qa", {"engine": "llm", "answer": "gain"}),
    ("qa", {"engine": "llm", "draws": 8}),
    ("cov", {"engine": "llm", "unit": "facts"}),
    ("precision", {"pointable": False}),
    ("precision", {"engine": "scene", "pointable": False}),
    ("rubric", {"image": True}),
]


def cases():
    """(head, settings): every head with every engine, and some settings more."""
    for name in sorted(point.name for point in entry_points(group="balcap.rewards")):
        engines = get_args(get_type_hints(find(name).Config).get("engine"))
        yield from ((name, {"engine": e}) for e in engines if e not in SERVED)
        if not engines:
            yield name, {}
    yield from MORE


def named(case):
    return "-".join([case[0], *map(str, case[1].values())])


def made(case, script=None):
    """The head of a case, asking a judge of its own."""
    kind = find(case[0])
    head = kind(kind.Config(**case[1]))
    if head.uses_judge:
        head.attach_judge(scripted(script or Dutiful()))
    return head


CASES = list(cases())
ASKING = [case for case in CASES if made(case).uses_judge]


@pytest.fixture(params=CASES, ids=named)
def case(request):
    return request.param


@pytest.fixture(params=ASKING, ids=named)
def asking(request):
    return request.param


@pytest.fixture(scope="module")
def samples():
    world = DataSettings(shapes=ShapesSettings(train=4), eval_samples=0)
    loaded = shapes.load(world)[0]
    return [replace(s, metadata={**s.metadata, "rubric": RUBRIC}) for s in loaded]


@pytest.fixture(scope="module")
def captions(samples):
    """References, references of other samples, and halves of them."""
    texts = [sample.reference for sample in samples]
    texts += [text[: len(text) // 2] for text in texts]
    return [Caption(sample, text) for sample in samples for text in texts]


def answers(head, captions):
    """What `heads.scoring` takes from the head: it refuses a break of the contract itself."""
    return [cell for (cell,) in score([head], captions).cells]


def test_a_head_is_called_as_it_is_registered(case):
    registered = {point.name: point.value for point in entry_points(group="balcap.rewards")}
    head = made(case)
    assert registered[head.name].endswith(f":{type(head).__name__}")


def test_the_range_has_two_ends(case):
    low, high = made(case).range
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert low < high


def test_a_complete_sample_is_scored_within_the_range(case, captions):
    values = answers(made(case), captions)
    assert not any(isinstance(value, Unscored) for value in values)
    assert len(set(values)) > 1, "a head that says the same of everything rewards nothing"


def test_the_order_and_size_of_a_batch_change_nothing(case, captions):
    head = made(case)
    forth = answers(head, captions)
    assert answers(made(case), captions[::-1]) == forth[::-1]
    assert [answers(head, [caption])[0] for caption in captions] == forth


def test_a_new_instance_says_the_same(case, captions):
    assert answers(made(case), captions) == answers(made(case), captions)


def test_a_thousand_captions(case, captions):
    head = made(case)
    thousand = (captions * 1000)[:1000]
    assert answers(head, thousand) == (answers(head, captions) * 1000)[:1000]


def test_no_captions_give_no_answers(case):
    assert answers(made(case), []) == []


def test_odd_texts_are_scored(case, samples):
    values = answers(made(case), [Caption(samples[0], text) for text in ODD])
    assert not any(isinstance(value, Unscored) for value in values)


def test_an_empty_caption_is_worse_than_a_good_one(case, samples):
    """A judge of dice may take a good caption for the worst; eight of them do not."""
    pair = [Caption(samples[0], text) for text in ("", samples[0].reference)]
    seeds = range(8) if case in ASKING else [0]
    heads = [made(case, Dutiful(seed=seed)) for seed in seeds]
    empties, goods = zip(*(answers(head, pair) for head in heads), strict=True)
    assert set(empties) == {heads[0].range[0]}
    assert max(goods) > empties[0]


def test_a_sample_that_lacks_what_the_head_needs_is_not_scored(case, samples):
    head = made(case)
    bare = Sample("bare", "Describe.")
    value, beside = answers(head, [Caption(bare, "A dog."), Caption(samples[0], "A dog.")])
    assert isinstance(value, Unscored) == bool(head.requires)
    assert not isinstance(beside, Unscored)
    if isinstance(value, Unscored):
        assert value.reason
        assert value.cause == "data"


def test_a_judge_is_asked_a_batch_in_few_calls(asking, captions):
    """Batching is the judge's business: a call a caption would take it out of its hands."""
    head, calls = made(asking), []
    request = head.judge.ask
    head.judge.ask = lambda requests: calls.append(len(requests)) or request(requests)
    answers(head, captions)
    assert len(calls) <= 2 < sum(calls)


def test_an_empty_caption_is_not_asked_about(asking, samples):
    judge = Dutiful()
    assert answers(made(asking, judge), [Caption(samples[0], text) for text in ODD[:2]]) == [0, 0]
    assert judge.asked == []


@pytest.mark.parametrize(("judge", "cause"), [(silent, "judge"), (mumbling, "answer")])
def test_a_judge_that_fails_leaves_no_score(asking, captions, samples, judge, cause):
    *cells, empty = answers(made(asking, judge), [*captions, Caption(samples[0], "")])
    assert all(isinstance(cell, Unscored) for cell in cells)
    assert {cell.cause for cell in cells} == {cause}
    assert all(cell.reason for cell in cells)
    if judge is silent:
        assert all("timed out after 120 s" in cell.reason for cell in cells)
    assert empty == 0.0  # the policy's own doing is a score, whoever is there to judge


def test_one_question_of_many_that_fails_spoils_no_other_cell(asking, captions):
    """A cell is what it would have been, or it is unscored: never the mean over what is left."""
    good = answers(made(asking), captions)
    dutiful, number = Dutiful(), itertools.count()

    def patchy(request):
        if next(number) % 11 == 0:  # by count: by the text, a prompt's wording would decide
            raise JudgeError("connection reset")
        return dutiful(request)

    found = answers(made(asking, patchy), captions)
    lost = [isinstance(cell, Unscored) for cell in found]
    assert any(lost)
    assert not all(lost)
    assert all(gone or cell == before for gone, cell, before in zip(lost, found, good, strict=True))


MARKER = "zyzzyva"
CONTROL = (
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>", "<|end|>",
    "<|start|>", "<|channel|>", "<|message|>", "<|vision_start|>", "<|image_pad|>", "<s>", "</s>",
    "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<start_of_turn>", "<end_of_turn>", "<image>",
    "<start_of_image>", "<IMG_CONTEXT>", "[IMG]", "[TOOL_CALLS]", "[/SYSTEM_PROMPT]", "<think>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>", "<\uff5cAssistant\uff5c>",
)  # fmt: skip


@pytest.mark.parametrize("kind", INJECTIONS)
def test_a_caption_reaches_the_judge_as_a_quotation_only(asking, kind, samples):
    """Also where the judge repeats the caption and that is what it is asked about next.

    A marker stands behind every word of the caption, so that no piece of it of two words or more
    can stand outside the quotation unseen.
    """
    marked = [re.sub(r"(\s+|$)", rf" {MARKER}\1", text) for text in INJECTIONS[kind]]
    questions = asked_about(asking, samples[0], marked)
    assert any(MARKER in text_of(asked) for asked in questions)
    for asked in questions:
        assert MARKER not in frame_of(asked)
        assert "<<<" not in frame_of(asked)
        assert ">>>" not in frame_of(asked)


@pytest.mark.parametrize("kind", INJECTIONS)
def test_no_control_token_reaches_the_judge(asking, kind, samples):
    for asked in asked_about(asking, samples[0], INJECTIONS[kind]):
        assert not [token for token in CONTROL if token in text_of(asked)]


def asked_about(case, sample, texts):
    """What a head asks about captions, of a judge that repeats each of them where it can."""
    asked = []
    for text in texts:
        judge = Dutiful(says=text)
        answers(made(case, judge), [Caption(sample, text)])
        asked += judge.asked
    return asked
