"""No answer that was kept is lost, by whatever ends the process; no file that is broken ends a run.

Also: several processes and threads share one file, and what is recorded can be audited.
"""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from math import inf

import pytest

from balcap.judges.cache.answers import AnswerCache, Memory, open_cache
from balcap.judges.cache.file import AnswerFile, BrokenFileError
from balcap.judges.cache.quarantine import inode_of, quarantine
from balcap.judges.types import JudgeRequest, JudgeResponse, Message

JUDGE = {"model": "reader", "max_pixels": 100}
ANSWER = JudgeResponse("B", (-0.25, -inf), 40, 1, 0.5)


def filled(cache, count, prefix="q"):
    """Put `count` answers; returns their keys."""
    requests = [JudgeRequest.of(f"{prefix}{number}") for number in range(count)]
    keys = [request.key(JUDGE) for request in requests]
    for key, request in zip(keys, requests, strict=True):
        cache.put(key, JUDGE, request, ANSWER)
    return keys


@pytest.fixture
def file(tmp_path):
    return tmp_path / "folder" / "answers.sqlite"


@pytest.mark.parametrize("when", ["at once", "when it is written", "when it is opened again"])
def test_what_is_put_is_got(file, when):
    cache = AnswerCache(file)
    (key,) = filled(cache, 1)
    if when != "at once":
        cache.flush()
    if when == "when it is opened again":
        cache.close()
        cache = AnswerCache(file)
    assert cache.get([key, "0" * 64]) == {key: ANSWER}


@pytest.mark.parametrize(
    "text", ["", "naïve \u4e16\u754c", "a\0b", "half \ud83d a pair", "'; DROP"]
)
def test_any_text_comes_back_as_it_was(file, text):
    cache = AnswerCache(file)
    request = JudgeRequest((Message("user", text),))
    cache.put(request.key(JUDGE), JUDGE, request, JudgeResponse(text))
    cache.flush()
    assert AnswerFile(file).read([request.key(JUDGE)])[request.key(JUDGE)].text == text


def test_more_keys_than_one_statement_takes(file):
    cache = AnswerCache(file)
    keys = filled(cache, 1234)
    cache.flush()
    assert set(cache.get(keys)) == set(keys)


def test_what_was_asked_and_answered_can_be_read_for_audits(file):
    cache = AnswerCache(file)
    request = JudgeRequest.of("what is it?", system="be brief", draw=3)
    cache.put(request.key(JUDGE), JUDGE, request, ANSWER)
    cache.close()
    assert list(AnswerFile(file, read_only=True).recorded()) == [(JUDGE, request.content(), ANSWER)]


def test_the_first_answer_to_a_question_stays(file):
    cache, other = AnswerCache(file), AnswerCache(file)
    request = JudgeRequest.of("q")
    for one, text in ((cache, "first"), (other, "second")):
        one.put(request.key(JUDGE), JUDGE, request, JudgeResponse(text))
        one.flush()
    assert AnswerCache(file).get([request.key(JUDGE)])[request.key(JUDGE)].text == "first"


def test_a_path_has_one_cache_in_a_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    one = open_cache(tmp_path / "a.sqlite")
    assert open_cache(tmp_path / "link" / "a.sqlite") is one
    assert open_cache(type(tmp_path)("a.sqlite")) is one


def test_threads_share_a_cache(file):
    cache, kept = AnswerCache(file), []
    threads = [
        threading.Thread(target=lambda n=n: kept.extend(filled(cache, 200, f"t{n}-")))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cache.flush()
    assert len(AnswerFile(file).read(kept)) == 800


WRITER = """
import os, signal, sys
from pathlib import Path
from test_cache import *
cache = AnswerCache(Path(sys.argv[1]))
for part in range(10):
    filled(cache, 20, f"{sys.argv[2]}-{part}-")
    if sys.argv[3] != "exit":
        cache.flush()
print("done", flush=True)
if sys.argv[3] != "exit":
    os.kill(os.getpid(), getattr(signal, sys.argv[3]))
"""


def started(file, name, end):
    here = os.path.dirname(__file__)
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file), name, end], cwd=here, stdout=subprocess.PIPE
    )


def written(name):
    requests = [
        JudgeRequest.of(f"{name}-{part}-{number}") for part in range(10) for number in range(20)
    ]
    return [request.key(JUDGE) for request in requests]


def test_processes_share_a_file_and_none_of_their_ends_costs_an_answer(file):
    ends = ["exit", "SIGTERM", "SIGKILL"]  # at a normal exit also what was not flushed is written
    processes = [started(file, end, end) for end in ends]
    for process in processes:
        assert process.communicate(timeout=60)[0] == b"done\n"
    codes = [process.returncode for process in processes]
    assert codes == [0, -signal.SIGTERM, -signal.SIGKILL]
    found = AnswerCache(file).get([key for end in ends for key in written(end)])
    assert len(found) == 3 * 200


def test_a_forked_child_has_connections_of_its_own(file):
    cache = AnswerCache(file)
    keys = filled(cache, 3, "parent")
    cache.flush()
    child = os.fork()
    if child == 0:
        ok = set(cache.get(keys)) == set(keys)
        filled(cache, 3, "child")
        cache.flush()
        os._exit(0 if ok else 1)
    more = filled(cache, 3, "later")
    assert os.waitpid(child, 0)[1] == 0
    cache.flush()
    of_child = [JudgeRequest.of(f"child{n}").key(JUDGE) for n in range(3)]
    assert len(AnswerFile(file).read([*keys, *more, *of_child])) == 9


# Ways to spoil a file


def broken_text(file):
    file.write_text("these are notes, not a database\n" * 100)


def broken_pages(file):
    cache = AnswerCache(file)
    filled(cache, 500)
    cache.close()
    content = bytearray(file.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 100] = b"\xff" * 100
    file.write_bytes(content)


def other_tables(file):
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE runs (name TEXT)")


def other_version(file):
    AnswerCache(file).get(["00"])
    with sqlite3.connect(file) as newer:
        newer.execute("PRAGMA user_version = 999")


@pytest.mark.parametrize("spoil", [broken_text, broken_pages, other_tables, other_version])
def test_a_file_of_no_use_is_set_aside_with_one_warning_and_the_run_goes_on(file, capsys, spoil):
    file.parent.mkdir()
    spoil(file)
    before = file.read_bytes()
    capsys.readouterr()
    cache = AnswerCache(file)
    keys = [JudgeRequest.of(f"q{number}").key(JUDGE) for number in range(500)]
    assert cache.get(keys) == {}
    filled(cache, 500)
    cache.close()
    assert len(AnswerFile(file).read(keys)) == 500
    (quarantined,) = (
        found for found in file.parent.glob("*.quarantined-*") if found.name[-4] != "-"
    )
    assert quarantined.read_bytes() == before
    warned = capsys.readouterr().err
    assert warned.count("warning") == 1
    assert quarantined.name in warned


def test_of_several_processes_that_find_a_file_broken_one_renames_it(file):
    file.parent.mkdir()
    broken_text(file)
    seen = inode_of(file)
    assert quarantine(file, seen) is not None
    AnswerFile(file)  # the first one begins a new file ...
    assert quarantine(file, seen) is None  # ... which the second one, who saw the old, leaves alone
    assert file.exists()


def test_an_empty_file_is_a_new_one(file, capsys):
    file.parent.mkdir()
    file.touch()
    cache = AnswerCache(file)
    assert set(cache.get(filled(cache, 2))) != set()
    cache.close()
    assert not capsys.readouterr().err


def test_a_full_disk_costs_a_warning_and_answers_are_kept_in_memory(file, capsys, monkeypatch):
    cache = AnswerCache(file)
    keys = filled(cache, 5, "early")
    cache.flush()
    cache._opened()._writer.execute("PRAGMA max_page_count = 1")  # as a disk without a free page
    late = filled(cache, 50, "late")
    cache.flush()
    later = filled(cache, 5, "later")
    cache.flush()
    assert set(cache.get([*keys, *late, *later])) == {*keys, *late, *later}
    warned = capsys.readouterr().err
    assert warned.count("warning") == 1
    assert "full" in warned
    assert set(AnswerFile(file).read([*keys, *late])) == set(keys)


def test_another_process_that_holds_the_file_delays_and_costs_nothing(file, capsys, monkeypatch):
    monkeypatch.setattr("balcap.judges.cache.file.BUSY", 0.05)
    cache = AnswerCache(file)
    cache.get(["00"])
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        keys = filled(cache, 3)
        time.sleep(0.2)
        assert set(cache.get(keys)) == set(keys)
        other.execute("ROLLBACK")
    cache.flush()
    assert len(AnswerFile(file).read(keys)) == 3
    assert not capsys.readouterr().err


def test_a_file_system_without_shared_memory_is_good_enough(file, monkeypatch):
    monkeypatch.setattr("balcap.judges.cache.file._share", lambda connection, path: None)
    one, other = AnswerCache(file), AnswerCache(file)
    keys = filled(one, 3, "one") + filled(other, 3, "other")
    one.flush()
    other.flush()
    assert set(one.get(keys)) == set(keys)


def test_an_archive_that_nobody_may_write_can_be_read(file):
    cache = AnswerCache(file)
    keys = filled(cache, 3)
    cache.close()
    file.chmod(0o444)
    file.parent.chmod(0o555)
    try:
        assert len(AnswerFile(file, read_only=True).read(keys)) == 3
    finally:
        file.parent.chmod(0o755)


def test_read_only_makes_and_mends_nothing(file):
    file.parent.mkdir()
    with pytest.raises(sqlite3.Error):
        AnswerFile(file, read_only=True)
    broken_text(file)
    with pytest.raises(BrokenFileError):
        AnswerFile(file, read_only=True)
    assert [path.name for path in file.parent.iterdir()] == ["answers.sqlite"]


def test_memory_keeps_the_newest():
    memory = Memory(size=3)
    keys = filled(memory, 5)
    assert set(memory.get(keys)) == set(keys[2:])


def test_the_loop_goes_on_while_much_is_looked_up(file, monkeypatch):
    """Naming and finding thousands of questions takes long: it happens in no loop's thread."""
    from balcap.judges.judge import Judge, SharedBackend
    from balcap.judges.scripted import Scripted

    cache = AnswerCache(file)
    identity = {"model": "scripted"}
    requests = [JudgeRequest.of(f"q{number}") for number in range(20)]
    for request in requests[:10]:
        cache.put(request.key(identity), identity, request, ANSWER)
    cache.flush()
    threads = {"key": [], "get": [], "flush": []}

    def watch(kind, name):
        whole = getattr(kind, name)

        def watched(*given):
            threads[name].append(threading.get_ident())
            return whole(*given)

        monkeypatch.setattr(kind, name, watched)

    for kind, name in ((JudgeRequest, "key"), (AnswerCache, "get"), (AnswerCache, "flush")):
        watch(kind, name)
    asyncio.run(Judge(SharedBackend(Scripted(lambda request: "asked"), cache)).ask(requests))
    assert len(threads["key"]) >= 20
    assert all(threads.values())
    assert threading.get_ident() not in {one for called in threads.values() for one in called}
