"""What a judge lacks is told when it is opened, in one message that says what to do."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from balcap.config import JudgeSettings
from balcap.errors import UserError
from balcap.judges.factory import cache_file, open_judge
from balcap.judges.scripted import scripted
from balcap.judges.types import JudgeRequest

OFF = Path("off")


@pytest.fixture
def script(tmp_path):
    file = tmp_path / "judge.py"
    file.write_text(
        "import threading\n"
        "from balcap.judges.types import JudgeResponse\n"
        "from balcap.errors import JudgeError\n"
        "calls = []\n"
        "def say(ask):\n"
        "    calls.append(threading.current_thread())\n"
        "    if ask.messages[-1].text == 'bad':\n"
        "        raise JudgeError('no idea')\n"
        "    return 'said ' + ask.messages[-1].text\n"
        "async def later(ask): return JudgeResponse('later')\n"
        "def number(ask): return 3\n"
        "nothing = 3\n"
    )
    return file


def request(judge, *texts):
    return asyncio.run(judge.ask([JudgeRequest.of(text) for text in texts]))


def test_a_script_from_a_file_answers(script):
    settings = JudgeSettings.of(backend="scripted", model=f"{script}:say", cache=OFF)
    good, bad = request(open_judge(settings, "qa"), "a", "bad")
    assert good.text == "said a"
    assert str(bad) == "no idea"
    later = JudgeSettings.of(backend="scripted", model=f"{script}:later", cache=OFF)
    assert request(open_judge(later, "qa"), "a")[0].text == "later"


def test_a_script_from_a_package_answers(script, monkeypatch):
    monkeypatch.syspath_prepend(script.parent)
    script.rename(script.with_name("a_judge_of_mine.py"))
    settings = JudgeSettings.of(backend="scripted", model="a_judge_of_mine:say", cache=OFF)
    assert request(open_judge(settings, "qa"), "a")[0].text == "said a"


def test_a_script_is_not_called_in_the_event_loops_thread(script):
    import sys
    import threading

    settings = JudgeSettings.of(backend="scripted", model=f"{script}:say", cache=OFF)
    request(open_judge(settings, "qa"), "a", "b")
    (module,) = (m for name, m in sys.modules.items() if getattr(m, "__file__", "") == str(script))
    assert threading.main_thread() not in module.calls


def test_an_edited_script_is_asked_anew(script, tmp_path):
    settings = JudgeSettings.of(
        backend="scripted", model=f"{script}:say", cache=tmp_path / "a.sqlite"
    )
    names = []
    for text in ("def say(ask): return 'one'", "def say(ask): return 'two'"):
        script.write_text(text)
        from balcap.judges.scripted import Scripted

        names.append(Scripted.of(settings).name)
    assert names[0].startswith("judge.py:say@")
    assert names[0] != names[1]


def test_what_a_script_gives_that_is_no_answer_is_told(script):
    settings = JudgeSettings.of(backend="scripted", model=f"{script}:number", cache=OFF)
    with pytest.raises(
        UserError, match="answered with 3; a script returns a text or a JudgeResponse"
    ):
        request(open_judge(settings, "qa"), "a")


def test_an_async_script_answers_several_at_once(script):
    from balcap.judges.scripted import Scripted

    both = asyncio.Barrier(2)  # one after the other would wait for ever

    async def meet(request):
        await asyncio.wait_for(both.wait(), 5)
        return "met"

    async def answers():
        return [
            outcome
            async for _, outcome in Scripted(meet).answer(
                [JudgeRequest.of("a"), JudgeRequest.of("b")]
            )
        ]

    assert [answer.text for answer in asyncio.run(answers())] == ["met", "met"]


MISTAKES = [
    ({}, r"qa asks a judge, and none is set; say which: --judge.backend endpoint"),
    ({"backend": "local"}, r"qa asks a judge of the backend local, and no model is set; .*Qwen"),
    ({"backend": "replay"}, r"no model is set; say which: --judge.model NAME, as it was"),
    ({"backend": "scripted"}, r"no model is set; say which: --judge.model path.py:function"),
    ({"backend": "scripted", "model": "judge"}, r"judge.model is 'judge'; of a scripted judge"),
    ({"backend": "scripted", "model": "no.py:f"}, r"no file 'no.py' to take the judge 'no.py:f'"),
    ({"backend": "scripted", "model": "no_such:f"}, r"no module 'no_such' to take the judge"),
    ({"backend": "scripted", "model": "{script}:sya"}, r"no function 'sya'.* say.*mean 'say'"),
    ({"backend": "scripted", "model": "{script}:nothing"}, r"no function 'nothing'"),
    ({"backend": "local", "model": "./no/folder"}, r"no folder './no/folder'"),
    ({"backend": "replay", "model": "x"}, r"judge.cache is off, and the backend replay answers"),
]


@pytest.mark.parametrize(("given", "message"), MISTAKES)
def test_what_is_missing_is_told(script, given, message):
    given = {name: value.format(script=script) for name, value in given.items()}
    with pytest.raises(UserError, match=message):
        open_judge(JudgeSettings.of(**given, cache=OFF), "qa")


def test_heads_of_the_same_settings_share_a_backend_and_not_an_account(script):
    settings = {"backend": "scripted", "model": f"{script}:say", "cache": OFF}
    one = open_judge(JudgeSettings.of(**settings, price_in=1.0), "qa")
    two = open_judge(JudgeSettings.of(**settings), "cov")
    assert one.shared is two.shared
    request(one, "a")
    request(two, "a")
    assert (one.usage.cached, two.usage.cached) == (0, 1)
    other = open_judge(JudgeSettings.of(**settings, concurrency=3), "cov")
    assert other.shared is not one.shared


def test_judges_of_other_settings_share_the_file(script, tmp_path):
    settings = {"backend": "scripted", "model": f"{script}:say", "cache": tmp_path / "a.sqlite"}
    one, two = (open_judge(JudgeSettings.of(**settings, concurrency=n), "qa") for n in (1, 2))
    assert one.shared.answers is two.shared.answers
    request(one, "a")
    request(two, "a")
    assert two.usage.cached == 1


def test_answers_are_kept_in_the_users_cache_folder_unless_it_is_said_otherwise(monkeypatch):
    monkeypatch.setenv("BALCAP_CACHE", "/another")
    assert cache_file(JudgeSettings()) == Path("/another/answers.sqlite")
    monkeypatch.delenv("BALCAP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/cache")
    assert cache_file(JudgeSettings()) == Path("/some/cache/balcap/answers.sqlite")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_file(JudgeSettings()) == Path.home() / ".cache/balcap/answers.sqlite"
    assert cache_file(JudgeSettings.of(cache=Path("x.sqlite"))) == Path("x.sqlite")
    assert cache_file(JudgeSettings.of(cache=OFF)) is None


@pytest.mark.parametrize("place", ["folder", "file/answers.sqlite", "locked/a/answers.sqlite"])
def test_a_cache_that_cannot_be_written_is_told_before_anything_is_loaded(
    script, tmp_path, monkeypatch, place
):
    (tmp_path / "folder").mkdir()
    (tmp_path / "locked").mkdir()
    (tmp_path / "file").touch()
    allowed = os.access  # the superuser may write anywhere
    monkeypatch.setattr(
        os, "access", lambda path, mode: "locked" not in str(path) and allowed(path, mode)
    )
    settings = JudgeSettings.of(backend="scripted", model=f"{script}:say", cache=tmp_path / place)
    with pytest.raises(UserError, match=re.escape("--judge.cache off|PATH")) as caught:
        open_judge(settings, "qa")
    assert str(tmp_path / place) in str(caught.value)


def test_opening_makes_nothing(script, tmp_path):
    cache = tmp_path / "new" / "answers.sqlite"
    open_judge(JudgeSettings.of(backend="scripted", model=f"{script}:say", cache=cache), "qa")
    assert not cache.parent.exists()


def test_a_script_that_runs_out_of_answers_is_one_message() -> None:
    """A StopIteration cannot be the outcome of a future: whoever waited for it did so for ever."""
    answers = iter(["B"])
    judge = scripted(lambda request: next(answers))
    requests = [JudgeRequest.of("one?"), JudgeRequest.of("another?")]
    with pytest.raises(UserError, match=r"raised StopIteration: .*answer every question"):
        asyncio.run(asyncio.wait_for(judge.ask(requests), timeout=30))
