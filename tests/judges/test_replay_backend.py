"""A replay says what was recorded, whoever recorded it, and nothing else."""

import asyncio
import re

import pytest

from balcap.config import JudgeSettings
from balcap.errors import UserError
from balcap.judges.cache.answers import AnswerCache
from balcap.judges.factory import forget, open_judge
from balcap.judges.identity import identity_of, versioned
from balcap.judges.judge import Judge, SharedBackend
from balcap.judges.scripted import Scripted
from balcap.judges.types import JudgeRequest, JudgeResponse


def settings(file, **changes):
    return JudgeSettings.of(**{"backend": "replay", "model": "reader", "cache": file} | changes)


def record(file, texts, model="reader", **changes):
    """As the cache does it for an endpoint that is called `model`."""
    identity = identity_of(model, JudgeSettings.of(**changes))
    cache = AnswerCache(file)
    for text in texts:
        request = JudgeRequest.of(text)
        cache.put(
            request.key(identity),
            identity,
            request,
            JudgeResponse(f"{text} by {model}", (-1.0,), 7, 1),
        )
    cache.close()


def request(judge, texts):
    return asyncio.run(judge.ask([JudgeRequest.of(text) for text in texts]))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "answers.sqlite"


def test_what_an_endpoint_was_asked_is_answered_as_it_was_and_costs_no_server(file):
    record(file, ["a", "b"])
    judge = open_judge(settings(file, price_in=1e6), "qa")
    assert request(judge, ["b", "a", "b"]) == [
        JudgeResponse(f"{text} by reader", (-1.0,), 7, 1) for text in "bab"
    ]
    assert judge.usage.dollars == 0


def test_a_question_that_was_not_recorded_ends_the_run_and_is_named(file):
    record(file, ["a"])
    long = "You read a text. " * 10 + "What colour is the ball?"
    with pytest.raises(UserError) as caught:
        request(open_judge(settings(file), "qa"), ["a", long, "c"])
    message = str(caught.value)
    assert "2 of 3 questions to reader are not recorded in" in message
    assert long[:80] in message
    assert "What colour is the ball?" in message


def test_of_several_judges_in_a_file_the_one_of_the_name_answers(file):
    record(file, ["a"])
    record(file, ["a"], model="other")
    assert request(open_judge(settings(file, model="other"), "qa"), ["a"])[0].text == "a by other"


def test_answers_to_smaller_images_are_another_judges(file):
    record(file, ["a"], max_pixels=100)
    assert request(open_judge(settings(file, max_pixels=100), "qa"), ["a"])[0].text == "a by reader"
    with pytest.raises(UserError, match=re.escape("it has reader (max_pixels 100)")):
        open_judge(settings(file), "qa")


def test_an_unknown_judge_is_told_with_those_that_there_are(file):
    record(file, ["a"])
    with pytest.raises(UserError, match=r"nothing of a judge 'raeder'.* it has reader"):
        open_judge(settings(file, model="raeder"), "qa")


def test_a_script_is_replayed_by_its_path_or_by_the_name_under_which_it_was_recorded(file):
    script = file.with_name("judge.py")
    script.write_text("def say(ask): return 'said'\n")
    place = f"{script}:say"
    live = open_judge(settings(file, backend="scripted", model=place), "qa")
    request(live, ["a"])
    assert request(open_judge(settings(file, model=place), "qa"), ["a"])[0].text == "said"
    version = versioned(script, "judge.py:say")
    script.write_text("def say(ask): return 'something else'\n")
    assert request(open_judge(settings(file, model=version), "qa"), ["a"])[0].text == "said"
    forget()
    with pytest.raises(UserError, match="nothing of a judge"):
        open_judge(settings(file, model=place), "qa")


def test_nothing_is_written_to_the_file(file):
    record(file, ["a"])
    before = file.read_bytes()
    request(open_judge(settings(file), "qa"), ["a"])
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no file"), ("notes", r"can be read from .* \(file is not a database\)")],
)
def test_a_file_that_is_not_there_or_no_good_is_told_at_once(file, content, message):
    if content:
        file.write_text(content * 1000)
    with pytest.raises(UserError, match=message):
        open_judge(settings(file), "qa")
    assert file.exists() == bool(content)  # and stays where it is


def test_a_replay_is_of_use_while_others_write(file):
    record(file, ["a"])
    cache = AnswerCache(file)
    script = Scripted(lambda request: "new")
    asyncio.run(Judge(SharedBackend(script, cache)).ask([JudgeRequest.of("b")]))
    assert request(open_judge(settings(file), "qa"), ["a"])[0].text == "a by reader"
    cache.close()
