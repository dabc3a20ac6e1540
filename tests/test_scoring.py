"""Captions x heads: who is asked what, and what becomes of every way to fail."""

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest

from balcap.errors import HeadError, JudgeError, RunError, UserError
from balcap.heads import Head
from balcap.heads.scoring import score
from balcap.types import Caption, Sample, Unscored

A, B = Sample("a", ""), Sample("b", "")
CAPTIONS = [Caption(A, "one"), Caption(B, "one"), Caption(A, "three"), Caption(A, "one")]


def head(answer, name="toy", low=0.0, high=1.0):
    """A head that answers `answer(captions)`."""

    class Toy(Head):
        range = (low, high)

        def score(self, captions):
            return answer(captions)

    Toy.name = name
    return Toy()


def length(captions):
    return [len(caption.text) / 10 for caption in captions]


def test_scores_stand_in_the_order_of_captions_and_heads():
    scored = score([head(length), head(lambda cs: [1] * len(cs), "ones")], CAPTIONS)
    assert scored.matrix.heads == ("toy", "ones")
    np.testing.assert_array_equal(scored.matrix.values, [[0.3, 1], [0.3, 1], [0.5, 1], [0.3, 1]])
    assert scored.matrix.scored.all()
    assert scored.reasons == ((None, None),) * 4
    assert set(scored.seconds) == {"toy", "ones"}
    assert min(scored.seconds.values()) >= 0


def test_groups_are_those_given_or_the_samples():
    assert score([head(length)], CAPTIONS).matrix.group.tolist() == [0, 1, 0, 0]
    assert score([head(length)], CAPTIONS, [7, 7, 9, 9]).matrix.group.tolist() == [7, 7, 9, 9]


def test_equal_texts_of_a_sample_are_scored_once():
    asked = []

    def remember(captions):
        asked.extend((caption.sample.id, caption.text) for caption in captions)
        return length(captions)

    score([head(remember)], CAPTIONS)
    assert asked == [("a", "one"), ("b", "one"), ("a", "three")]


def test_no_captions_and_no_heads():
    def never(captions):
        raise AssertionError("a head was asked about nothing")

    assert score([head(never)], []).matrix.values.shape == (0, 1)
    assert score([], CAPTIONS).matrix.values.shape == (4, 0)


def test_what_a_head_leaves_out_is_not_scored_and_says_why():
    def second(captions):
        return [0.5, Unscored("no reference"), 1.0]

    scored = score([head(second)], CAPTIONS)
    assert scored.matrix.scored[:, 0].tolist() == [True, False, True, True]
    assert [reason for (reason,) in scored.reasons] == [None, "no reference", None, None]


def test_a_judge_that_is_gone_leaves_its_own_column_only():
    def gone(captions):
        raise JudgeError("no answer within 60 s")

    scored = score([head(gone, "gone"), head(length)], CAPTIONS)
    assert scored.matrix.scored.tolist() == [[False, True]] * 4
    assert set(scored.reasons) == {("no answer within 60 s", None)}


def test_heads_run_side_by_side():
    meeting = threading.Barrier(2, timeout=5)  # raises in both unless both are there at once

    def meet(captions):
        meeting.wait()
        return length(captions)

    score([head(meet, "left"), head(meet, "right")], CAPTIONS)


def test_async_heads_share_one_event_loop_that_outlives_a_call():
    loops = []

    async def answer(captions):
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return length(captions)

    heads = [head(answer, "left"), head(answer, "right")]
    for _ in range(2):
        assert score(heads, CAPTIONS).matrix.values[2].tolist() == [0.5, 0.5]
    assert len(set(loops)) == 1
    assert not loops[0].is_closed()


def test_async_heads_also_run_inside_a_running_loop():
    async def answer(captions):
        return length(captions)

    async def notebook():
        return score([head(answer)], CAPTIONS)

    assert asyncio.run(notebook()).matrix.scored.all()


def test_a_judge_that_fails_asynchronously_is_a_judge_that_fails():
    async def gone(captions):
        raise JudgeError("overloaded")

    assert score([head(gone)], CAPTIONS).reasons[0] == ("overloaded",)


def test_a_head_that_raises_is_named_with_the_place_to_mend():
    def broken(captions):
        return [1 / 0 for _ in captions]

    line = broken.__code__.co_firstlineno + 1
    with pytest.raises(HeadError) as caught:
        score([head(broken), head(length, "fine")], CAPTIONS)
    assert str(caught.value) == (
        f"reward head 'toy' raised ZeroDivisionError: division by zero ({Path(__file__)}:{line})"
    )
    assert isinstance(caught.value, UserError)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_the_place_is_in_the_heads_own_file_not_in_a_library_below():
    def broken(captions):
        return np.concatenate([])

    with pytest.raises(HeadError, match=rf"test_scoring.py:{broken.__code__.co_firstlineno + 1}\)"):
        score([head(broken)], CAPTIONS)


@pytest.mark.parametrize("kind", [UserError, RunError])
def test_what_the_user_or_the_world_must_mend_passes_unchanged(kind):
    def broken(captions):
        raise kind("set model to a folder that is there")

    with pytest.raises(kind, match=r"^set model to a folder that is there$"):
        score([head(broken), head(length, "fine")], CAPTIONS)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            [0.1, float("nan"), 0.1],
            r"caption 'one' of sample 'b' as nan; .*in \[0, 1\]; answer Uns",
        ),
        ([0.1, 0.1, float("inf")], r"caption 'three' of sample 'a' as inf"),
        (
            [0.1, 1.5, 0.1],
            r"as 1.5; a score must be a number in \[0, 1\]; scale it, or set `range`",
        ),
        ([-0.01, 0.1, 0.1], r"as -0.01; a score must be"),
        ([0.1, None, 0.1], r"as None; .*or Unscored\('why"),
        ([0.1, "0.5", 0.1], r"as '0.5'"),
        ([[0.1], [0.1], [0.1]], r"as \[0.1\]"),
        ([0.1, 0.1], r"gave 2 answers to 3 captions"),
        (0.5, r"answered with 0.5; it must be a list with one answer a caption \(3\)"),
        (None, r"answered with None"),
        ("abc", r"answered with 'abc'"),
    ],
)
def test_an_answer_that_is_no_score_is_refused(answers, message):
    with pytest.raises(HeadError, match=rf"reward head 'toy' .*{message}"):
        score([head(lambda captions: answers)], CAPTIONS)


def test_a_long_caption_is_cut_in_the_message():
    with pytest.raises(HeadError) as caught:
        score([head(lambda captions: [2.0])], [Caption(A, "word " * 1000)])
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "answers",
    [[True, False, True], [1, 0, 1], np.array([1.0, 0.0, 1.0]), np.array([True, False, True]),
     [np.float32(1), np.int64(0), np.bool_(True)], (1.0, 0.0, 1.0), [1 + 1e-9, -1e-9, 1.0]],
)  # fmt: skip
def test_numbers_of_every_kind_are_scores(answers):
    column = score([head(lambda captions: answers)], CAPTIONS).matrix.values[:, 0]
    assert column.tolist() == [1.0, 0.0, 1.0, 1.0]


def test_a_tensor_is_an_answer():
    torch = pytest.importorskip("torch")
    tensor = head(lambda captions: torch.tensor([0.5, 0.25, 1.0]))
    assert score([tensor], CAPTIONS).matrix.values[:, 0].tolist() == [0.5, 0.25, 1.0, 0.5]


def test_a_head_sets_its_own_range():
    wide = head(lambda captions: [-5, 0, 5], low=-5.0, high=5.0)
    assert score([wide], CAPTIONS).matrix.values[:, 0].tolist() == [-5, 0, 5, -5]
