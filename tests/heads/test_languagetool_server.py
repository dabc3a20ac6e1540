"""LanguageTool on this machine: what is missing, and one server for all, which comes back.

A script stands in for Java, and serves what `helpers.languagetool_server` knows.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from balcap.errors import UserError
from balcap.heads.engines import languagetool, languagetool_server
from balcap.heads.engines.languagetool_server import JAR, local_server
from balcap.heads.scoring import score
from balcap.types import Caption, Sample
from balcap_rewards.fluency import Fluency, FluencyConfig

FAKE = Path(__file__).parents[1] / "helpers" / "languagetool_server.py"
CAPTIONS = [Caption(Sample("a", ""), "The man is is near a red car in the street.")]
WORTH = pytest.approx(1 - 6 / 11)  # 11 words, one mistake


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with a shell and nothing else: no Java, no jar, no network."""
    for folder in ("bin", "tmp", "cache"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("LTP_PATH", str(tmp_path / "cache"))
    monkeypatch.delenv("LTP_JAR_DIR_PATH", raising=False)
    closed = "http://127.0.0.1:9/{version}/"
    monkeypatch.setattr("language_tool_python.download_lt.BASE_URL_NEW_RELEASES", closed)
    monkeypatch.setattr(languagetool, "PAUSE", 0.01)
    languagetool._shared.cache_clear()
    yield tmp_path
    languagetool._shared.cache_clear()
    while languagetool_server._own:
        languagetool_server._end(languagetool_server._own.pop())


def add_java(machine, script=f'for last; do :; done\nexec {sys.executable} {FAKE} "$last"'):
    java = machine / "bin" / "java"
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)


def add_jar(machine, version="6.8"):
    (machine / "cache" / f"LanguageTool-{version}").mkdir()
    jar = machine / "cache" / f"LanguageTool-{version}" / JAR
    jar.touch()
    return jar


def head():
    return Fluency(FluencyConfig(engine="languagetool"))


def process_at(address):
    """The stand-in that serves an address."""
    port = address.rpartition(":")[2]
    found = [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"]]
    (process,) = [p for p in found if p.info["cmdline"][1:] == [str(FAKE), port]]
    return process


def gone(process, seconds=5.0):
    """Whether a process ends, or has ended, in that time."""
    end = time.monotonic() + seconds
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_without_java_or_jar_one_message_names_both_and_what_else_to_do(machine):
    begun = time.monotonic()
    with pytest.raises(UserError) as error:
        score([head()], CAPTIONS)
    assert time.monotonic() - begun < 5
    for part in ("no `java` on the PATH", f"no {JAR}", "install Java", "--fluency.server http"):
        assert part in str(error.value)


def test_a_jar_that_cannot_be_downloaded_is_said_to_be_missing(machine):
    add_java(machine)
    with pytest.raises(UserError, match=r"http://127.0.0.1:9/6.8/\S+ cannot be downl") as error:
        score([head()], CAPTIONS)
    assert "LTP_JAR_DIR_PATH" in str(error.value)
    assert "PATH: install Java" not in str(error.value)


def test_a_folder_without_the_jar_is_named(machine, monkeypatch):
    add_java(machine)
    monkeypatch.setenv("LTP_JAR_DIR_PATH", str(machine))
    with pytest.raises(UserError, match=f"no {JAR} in {machine}, which LTP_JAR_DIR_PATH names"):
        score([head()], CAPTIONS)


def test_a_server_that_does_not_start_says_why(machine):
    add_jar(machine)
    add_java(machine, 'echo "Error: Unable to access jarfile" >&2; echo "    at x.y" >&2; exit 1')
    with pytest.raises(
        UserError, match=r"does not start: Error: Unable to access jarfile; Java 17"
    ):
        score([head()], CAPTIONS)


def test_an_installed_jar_is_started_once_for_all_processes(machine):
    jar = add_jar(machine, version="6.5")  # whichever is installed
    add_java(machine)
    assert score([head()], CAPTIONS).matrix.values[0, 0] == WORTH
    address = local_server()
    code = (
        "from balcap.heads.engines.languagetool_server import local_server; print(local_server())"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [other.communicate()[0].strip() for other in others] == [address] * 2
    assert not gone(process_at(address), 0)  # nor does another process end it
    assert jar.is_file()


def test_a_folder_with_a_jar_can_be_named(machine, monkeypatch):
    add_java(machine)
    (machine / JAR).touch()
    monkeypatch.setenv("LTP_JAR_DIR_PATH", str(machine))
    assert score([head()], CAPTIONS).matrix.values[0, 0] == WORTH


def test_a_server_that_died_is_started_again(machine):
    add_jar(machine)
    add_java(machine)
    checked = head()
    assert score([checked], CAPTIONS).matrix.values[0, 0] == WORTH
    first = local_server()
    process_at(first).kill()
    other = [Caption(Sample("a", ""), f"{CAPTIONS[0].text} It {verb}.") for verb in ("ran", "sat")]
    # 13 words, one mistake
    assert score([checked], other).matrix.values[:, 0].tolist() == [pytest.approx(1 - 6 / 13)] * 2
    assert local_server() != first


def test_a_server_that_hangs_is_replaced(machine, monkeypatch):
    monkeypatch.setattr(languagetool_server, "HEALTH_SECONDS", 0.2)
    add_jar(machine)
    add_java(machine)
    checked = Fluency(FluencyConfig(engine="languagetool", timeout=0.4))
    assert score([checked], CAPTIONS).matrix.values[0, 0] == WORTH
    hanging = process_at(local_server())
    hanging.suspend()
    dogs = [Caption(Sample("a", ""), "A dog runs over the grass.")]
    assert "timed out" in score([checked], dogs).reasons[0][0]
    assert score([checked], dogs).matrix.values[0, 0] == 1.0
    assert gone(hanging)


def test_a_server_that_cannot_be_started_again_leaves_cells_unscored(machine):
    add_jar(machine)
    add_java(machine)
    checked = head()
    score([checked], CAPTIONS)
    process_at(local_server()).kill()
    add_java(machine, "exit 1")
    scored = score([checked], [Caption(Sample("a", ""), "A dog runs over the grass.")])
    assert not scored.matrix.scored.any()
    assert "did not come back" in scored.reasons[0][0]


def test_the_server_ends_with_the_process_that_started_it_however_that_ends(machine):
    add_jar(machine)
    add_java(machine)
    code = (
        "import time; from balcap.heads.engines.languagetool_server import local_server;"
        "print(local_server(), flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    server = process_at(starter.stdout.readline().strip())
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    assert gone(server)


def test_threads_start_one_server_between_them(machine):
    add_jar(machine)
    add_java(machine)
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(lambda _: local_server(), range(4)))) == 1
