"""A question is asked once, an answer is kept, and a failure harms nothing but itself."""

import asyncio
from collections import Counter

import pytest

from balcap.errors import JudgeError, UnusableAnswerError, UserError
from balcap.judges.cache.answers import AnswerCache, Memory
from balcap.judges.judge import Judge, SharedBackend
from balcap.judges.types import Backend, JudgeRequest, JudgeResponse
from balcap.judges.usage import Usage


class Slow(Backend):
    """Answers every question with its text in capitals when it is let; counts what it is asked."""

    def __init__(self):
        self.asked = Counter()
        self.go = asyncio.Event()
        self.go.set()
        self.failing = {}

    name = "slow"

    @property
    def identity(self):
        return {"model": "slow"}

    async def answer(self, requests):
        for number, request in reversed(list(enumerate(requests))):
            text = request.messages[-1].text
            self.asked[text] += 1
            await self.go.wait()
            error = self.failing.get(text)
            if isinstance(error, UserError):
                raise error
            yield number, error or JudgeResponse(text.upper(), None, 10, 2, 0.5)


def requests(text, **settings):
    return [JudgeRequest.of(word, **settings) for word in text.split()]


def texts(outcomes):
    return [one.text if isinstance(one, JudgeResponse) else str(one) for one in outcomes]


@pytest.fixture(params=["memory", "file"])
def shared(request, tmp_path):
    answers = Memory() if request.param == "memory" else AnswerCache(tmp_path / "a.sqlite")
    return SharedBackend(Slow(), answers)


def test_answers_come_in_the_order_of_the_questions_and_each_is_asked_once(shared):
    judge = Judge(shared)
    assert texts(asyncio.run(judge.ask(requests("a b a c b")))) == list("ABACB")
    assert shared.backend.asked == {"a": 1, "b": 1, "c": 1}


def test_what_was_answered_does_not_reach_the_backend_again(shared):
    asyncio.run(Judge(shared).ask(requests("a b")))
    assert texts(asyncio.run(Judge(shared).ask(requests("b c a")))) == list("BCA")
    assert shared.backend.asked == {"a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize(
    "change",
    [{"draw": 1}, {"temperature": 0.5}, {"max_tokens": 3}, {"choices": ("a",)}, {"schema": {}}],
)
def test_whatever_an_answer_depends_on_makes_another_question(shared, change):
    judge = Judge(shared)
    asyncio.run(judge.ask(requests("a")))
    asyncio.run(judge.ask(requests("a", **change)))
    assert shared.backend.asked == {"a": 2}


def test_a_question_in_flight_is_asked_once_whoever_asks(shared):
    first, second = Judge(shared), Judge(shared)

    async def both():
        shared.backend.go.clear()
        tasks = [asyncio.create_task(judge.ask(requests("a b"))) for judge in (first, second)]
        await asyncio.sleep(0.05)
        shared.backend.go.set()
        return await asyncio.gather(*tasks)

    assert [texts(outcomes) for outcomes in asyncio.run(both())] == [["A", "B"]] * 2
    assert shared.backend.asked == {"a": 1, "b": 1}
    assert sorted(judge.usage.cached for judge in (first, second)) == [0, 2]


def test_two_calls_that_need_each_others_questions_both_end(shared):
    async def crossed():
        return await asyncio.wait_for(
            asyncio.gather(*(Judge(shared).ask(requests(text)) for text in ("a b", "b c", "c a"))),
            5,
        )

    assert [texts(o) for o in asyncio.run(crossed())] == [list("AB"), list("BC"), list("CA")]
    assert set(shared.backend.asked.values()) == {1}


def test_a_failure_leaves_the_others_alone_and_is_asked_again_next_time(shared):
    shared.backend.failing["b"] = JudgeError("timed out")
    judge = Judge(shared)
    assert texts(asyncio.run(judge.ask(requests("a b c")))) == ["A", "timed out", "C"]
    assert judge.usage.failed == 1
    shared.backend.failing.clear()
    assert texts(asyncio.run(judge.ask(requests("a b c")))) == ["A", "B", "C"]
    assert shared.backend.asked == {"a": 1, "b": 2, "c": 1}


def test_one_who_waits_gets_the_answer_though_the_first_asker_is_cancelled(shared):
    async def cancelled():
        shared.backend.go.clear()
        first = asyncio.create_task(Judge(shared).ask(requests("a")))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(Judge(shared).ask(requests("a")))
        await asyncio.sleep(0.02)
        first.cancel()
        shared.backend.go.set()
        return await asyncio.wait_for(second, 5)

    assert texts(asyncio.run(cancelled())) == ["A"]
    assert not shared.in_flight


def test_one_who_waits_and_is_cancelled_does_not_take_the_answer_from_the_others(shared):
    async def cancelled():
        shared.backend.go.clear()
        tasks = []
        for _ in range(3):
            tasks.append(asyncio.create_task(Judge(shared).ask(requests("a"))))
            await asyncio.sleep(0.02)
        tasks[1].cancel()
        await asyncio.sleep(0.02)
        shared.backend.go.set()
        return await asyncio.wait_for(asyncio.gather(tasks[0], tasks[2]), 5)

    assert [texts(outcomes) for outcomes in asyncio.run(cancelled())] == [["A"], ["A"]]
    assert shared.backend.asked == {"a": 1}


def test_what_the_user_must_mend_is_raised_to_all_and_what_was_answered_is_kept(shared):
    shared.backend.failing["a"] = UserError("no key")

    async def both():
        return await asyncio.gather(
            *(Judge(shared).ask(requests("a b")) for _ in range(2)), return_exceptions=True
        )

    assert [str(error) for error in asyncio.run(both())] == ["no key"] * 2
    shared.backend.failing.clear()
    asyncio.run(Judge(shared).ask(requests("a b")))
    assert shared.backend.asked["b"] == 1
    assert not shared.in_flight


def test_two_event_loops_at_once_may_ask_the_same(shared):
    async def from_two_threads():
        return await asyncio.gather(
            *(asyncio.to_thread(asyncio.run, Judge(shared).ask(requests("a b"))) for _ in range(4))
        )

    assert [texts(o) for o in asyncio.run(from_two_threads())] == [["A", "B"]] * 4


def test_a_question_that_the_backend_forgets_is_a_failure_with_a_reason():
    class Forgetful(Slow):
        async def answer(self, requests):
            yield 0, JudgeResponse("first")

    outcomes = asyncio.run(Judge(SharedBackend(Forgetful())).ask(requests("a b")))
    assert texts(outcomes) == ["first", "slow left the question out"]


def test_nothing_asked_reaches_nobody(shared):
    assert asyncio.run(Judge(shared).ask([])) == []
    assert not shared.backend.asked


def test_usage_adds_up_and_costs_only_what_was_sent(shared):
    shared.backend.failing["c"] = JudgeError("down")
    judge = Judge(shared, price_in=1e6, price_out=2e6)  # 1 and 2 dollars a token
    asyncio.run(judge.ask(requests("a b a c")))
    # a and b: 10 tokens in and 2 out each, half a second each; the second a is not sent
    first = Usage(4, 1, 1, 20, 4, 1.0, 20 * 1 + 4 * 2)
    assert judge.usage == first
    asyncio.run(judge.ask(requests("a b d")))
    assert judge.usage - first == Usage(3, 2, 0, 10, 2, 0.5, 10 * 1 + 2 * 2)


def test_an_answer_that_the_reader_refuses_is_a_failure_of_that_question_only(shared):
    def only_a(answer):
        if answer.text != "A":
            raise UnusableAnswerError("not A")
        return 1

    judge = Judge(shared)
    read = asyncio.run(judge.read(requests("a b"), only_a))
    assert read[0] == 1
    assert isinstance(read[1], UnusableAnswerError)
    assert judge.usage.failed == 1


def test_each_question_may_have_a_reader_of_its_own(shared):
    readers = [lambda answer: answer.text, lambda answer: answer.prompt_tokens]
    assert asyncio.run(Judge(shared).read(requests("a b"), readers)) == ["A", 10]
