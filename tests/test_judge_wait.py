"""Waiting for a judge: who is asked again, for how long, and that all processes decide alike."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from balcap.errors import HeadError, JudgeError, JudgeGoneError, UnusableAnswerError
from balcap.heads import Head, judge_wait
from balcap.heads.judge_wait import JudgeWait, Report, StoppedWaitingError
from balcap.judges.types import JudgeRequest
from balcap.types import Caption, Sample, Unscored
from helpers.judged_heads import Graded, a_judge, grade, graded_text

CAPTIONS = [Caption(Sample(f"s{i}", ""), f"caption {'e' * i}") for i in range(10)]
TEXTS = [caption.text for caption in CAPTIONS]
REFUSED = JudgeError("refused")
MENU = UnusableAnswerError("off the menu")


class Clock:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(judge_wait, "time", clock)
    monkeypatch.setattr(judge_wait, "NAP", 60.0)
    return clock


class Judged:
    """A head whose judge fails by number of the try and caption; remembers what it was asked."""

    def __init__(self, fails: Callable[[int, str], JudgeError | None]) -> None:
        self.fails = fails
        self.asked: list[str] = []
        self.head = Graded(judge=a_judge(self._answer))

    def _answer(self, request: JudgeRequest) -> str:
        text = graded_text(request)
        error = self.fails(self.asked.count(text), text)
        self.asked.append(text)
        if error is not None:
            raise error
        return grade(request)


def down(tries: float, texts: list[str] = TEXTS) -> Callable[[int, str], JudgeError | None]:
    """Down for so many tries, for some captions."""
    return lambda number, text: REFUSED if number < tries and text in texts else None


def test_only_what_failed_is_asked_again_and_nothing_is_lost(clock: Clock) -> None:
    """Two of ten captions fail three times: 10 + 2 + 2 + 2 questions, with pauses of 1, 2 and 4
    seconds between them."""
    judged = Judged(down(3, TEXTS[:2]))
    waiting = JudgeWait()
    scored = waiting.score([judged.head], CAPTIONS)
    undisturbed = JudgeWait().score([Judged(down(0)).head], CAPTIONS)
    assert scored.cells == undisturbed.cells
    assert scored.matrix.scored.all()
    assert [judged.asked.count(text) for text in TEXTS] == [4, 4, *[1] * 8]
    assert clock.now == 7
    assert (scored.usage["graded"].questions, scored.usage["graded"].failed) == (16, 6)
    assert waiting.spent == scored.usage


def test_up_to_the_share_nobody_waits(clock: Clock) -> None:
    judged = Judged(down(9, TEXTS[:1]))  # 1 of 10, and the default share is a tenth
    scored = JudgeWait().score([judged.head], CAPTIONS)
    assert scored.reasons[0] == ("refused",)
    assert scored.matrix.scored[1:].all()
    assert clock.now == 0


def test_what_the_data_lack_is_no_reason_to_wait(clock: Clock) -> None:
    class Blind(Head):  # type: ignore[type-arg]
        name = "blind"

        def score(self, captions: Any) -> Any:
            return [Unscored("no reference") for _ in captions]

    assert not JudgeWait(max_unscored=0).score([Blind()], CAPTIONS).matrix.scored.any()
    assert clock.now == 0


def test_a_judge_that_stays_away_ends_it_with_one_message(clock: Clock) -> None:
    """Pauses of 1, 2, 4, 8, 16, 32, then 60 until 600 seconds are over: 63 + 8 * 60 = 543, and the
    last one is what is left."""
    judged = Judged(down(999))
    told: list[str] = []
    waiting = JudgeWait(resume="balcap train --resume RUN", tell=told.append)
    with pytest.raises(JudgeGoneError) as caught:
        waiting.score([judged.head], CAPTIONS)
    assert str(caught.value) == (
        "reward head 'graded': its judge reader leaves 10 of 10 captions (100%; --max-unscored "
        "allows 10%) without a score, after 600 s of waiting. Last error: refused. "
        "Once that is fixed, resume with: balcap train --resume RUN"
    )
    assert clock.now == 600
    pauses = [1, 2, 4, 8, 16, 32, *[60] * 8, 57]
    assert [line.rpartition(" in ")[2] for line in told] == [f"{pause} s" for pause in pauses]
    assert told[1] == (
        "reward head 'graded': waiting for 599 s more for its judge reader, which leaves 10 of 10 "
        "captions without a score (last: refused); next try in 2 s"
    )
    assert len(judged.asked) == 10 * (1 + len(pauses))
    assert waiting.spent["graded"].failed == len(judged.asked)


def test_no_waiting_mends_unusable_answers(clock: Clock) -> None:
    judged = Judged(lambda number, text: MENU if text in TEXTS[:2] else None)
    with pytest.raises(
        JudgeGoneError, match=r"answers unusably for 2 of 10 captions .* off the me"
    ):
        JudgeWait().score([judged.head], CAPTIONS)
    assert clock.now == 0
    assert len(judged.asked) == 10


def test_both_kinds_of_failure_count_and_one_of_them_is_asked_again(clock: Clock) -> None:
    """1 unusable and 1 unanswered of 10 are above the share together; after the second try only
    the unusable one is left, and a tenth is allowed."""

    def fails(number: int, text: str) -> JudgeError | None:
        return MENU if text == TEXTS[0] else down(1, TEXTS[1:2])(number, text)

    judged = Judged(fails)
    scored = JudgeWait().score([judged.head], CAPTIONS)
    assert [reason for (reason,) in scored.reasons] == ["off the menu", *[None] * 9]
    assert judged.asked.count(TEXTS[0]) == 1
    assert clock.now == 1


def test_the_head_that_no_waiting_helps_is_named_first(clock: Clock) -> None:
    away, silly = Judged(down(999)), Judged(lambda number, text: MENU)
    with pytest.raises(JudgeGoneError, match=r"head 'silly': .* answers unusably for 10 of 10"):
        JudgeWait().score([away.head, renamed(silly.head, "silly")], CAPTIONS)
    assert clock.now == 0


def test_no_wait_is_one_attempt(clock: Clock) -> None:
    judged = Judged(down(999))
    with pytest.raises(JudgeGoneError, match="after 0 s"):
        JudgeWait(seconds=0).score([judged.head], CAPTIONS)
    assert len(judged.asked) == 10
    assert clock.now == 0


def test_judge_wait_without_end_waits_until_the_judge_is_back(clock: Clock) -> None:
    told: list[str] = []
    scored = JudgeWait(seconds=float("inf"), tell=told.append).score(
        [Judged(down(20)).head], CAPTIONS
    )
    assert scored.matrix.scored.all()
    assert clock.now == 63 + 14 * 60
    assert "waiting until it answers for its judge reader" in told[0]


def test_whoever_asks_to_stop_waits_no_longer(clock: Clock) -> None:
    with pytest.raises(StoppedWaitingError):
        JudgeWait(stopped=lambda: clock.now >= 3).score([Judged(down(999)).head], CAPTIONS)
    assert clock.now == 3


def test_stopping_does_not_throw_scores_away() -> None:
    scored = JudgeWait(stopped=lambda: True).score([Judged(down(0)).head], CAPTIONS)
    assert scored.matrix.scored.all()


class Together:
    """Two processes, as threads: what each reports, both get, in one order."""

    def __init__(self) -> None:
        self.reports: list[Report | None] = [None, None]
        self.rounds = 0
        self.meet = threading.Barrier(2, timeout=10)

    def exchange(self, rank: int) -> Callable[[Report], list[Report]]:
        def everyones(report: Report) -> list[Report]:
            self.reports[rank] = report
            self.meet.wait()
            said = [report for report in self.reports if report is not None]
            self.meet.wait()
            self.rounds += rank == 0
            return said

        return everyones

    def score(self, first: Head[Any], second: Head[Any], **settings: Any) -> list[Any]:
        """What the two got, or what they raised; each has half of the captions."""

        def one(rank: int, head: Head[Any]) -> Any:
            waiting = JudgeWait(exchange=self.exchange(rank), **settings)
            try:
                return waiting.score([head], CAPTIONS[rank::2])
            except Exception as error:
                return error

        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(one, (0, 1), (first, second)))


def test_one_process_waits_for_the_judge_of_the_other() -> None:
    """Process 1 has 2 failures among its 5, which are 2 of all 10."""
    away = Judged(down(2, TEXTS[1:4:2]))
    fine = Judged(down(0))
    together = Together()
    first, second = together.score(fine.head, away.head)
    assert together.rounds == 3
    assert len(fine.asked) == 5
    assert len(away.asked) == 5 + 2 + 2
    assert first.matrix.scored.all()
    assert second.matrix.scored.all()
    # each has what both asked
    assert first.usage == second.usage
    assert first.usage["graded"].questions == 5 + 9


def test_the_share_is_that_of_all_processes() -> None:
    """1 of 5 in one process is 1 of 10 in both, which is allowed."""
    together = Together()
    first, second = together.score(Judged(down(0)).head, Judged(down(9, TEXTS[1:2])).head)
    assert together.rounds == 1
    assert (first.matrix.scored.sum(), second.matrix.scored.sum()) == (5, 4)


@pytest.mark.parametrize("seconds", [0, 5])
def test_all_processes_give_up_together(seconds: float) -> None:
    first, second = Together().score(Judged(down(0)).head, Judged(down(999)).head, seconds=seconds)
    assert isinstance(first, JudgeGoneError)
    assert str(first) == str(second)
    assert "leaves 5 of 10 captions" in str(first)


def test_a_head_that_raises_in_one_process_ends_it_in_all() -> None:
    class Broken(Graded):
        async def score(self, captions: Any) -> Any:
            raise KeyError("lost")

    first, second = Together().score(Judged(down(0)).head, Broken(judge=a_judge(grade)))
    assert isinstance(first, HeadError)
    assert str(first) == str(second)


def test_a_stop_in_one_process_ends_the_waiting_in_all() -> None:
    asked = iter([False, True])  # by the first process that looks, at its second round
    first, second = Together().score(
        Judged(down(999)).head, Judged(down(0)).head, stopped=lambda: next(asked, True)
    )
    assert isinstance(first, StoppedWaitingError)
    assert isinstance(second, StoppedWaitingError)


def renamed(head: Head[Any], name: str) -> Head[Any]:
    """A head of the same kind by another name."""
    other: Any = type(name, (type(head),), {"name": name})
    renamed: Head[Any] = other(judge=head.judge)
    return renamed


def test_two_batches_at_once_have_each_their_own_account() -> None:
    """Of 3 and 7 captions: the first batch waits until the second one is all asked and answered."""
    second_is_done = threading.Event()

    def answer(request: JudgeRequest) -> str:
        if graded_text(request) in TEXTS[:3]:
            assert second_is_done.wait(20)
        return grade(request)

    head, waiting = Graded(judge=a_judge(answer)), JudgeWait()
    first = waiting.begin([head], CAPTIONS[:3])
    second = waiting.begin([head], CAPTIONS[3:])
    second.first[0].result()
    second_is_done.set()
    scored = [
        waiting.score([head], CAPTIONS[:3], first),
        waiting.score([head], CAPTIONS[3:], second),
    ]
    assert [each.usage["graded"].questions for each in scored] == [3, 7]
    assert waiting.spent["graded"] == head.usage
