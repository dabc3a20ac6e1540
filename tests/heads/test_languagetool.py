"""fluency by LanguageTool: a server elsewhere, and all that can go wrong on the way there."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from balcap.cli import main
from balcap.errors import UserError
from balcap.heads.engines import languagetool
from balcap.heads.scoring import score
from balcap.types import Caption, Sample, Unscored
from balcap_rewards.fluency import Fluency, FluencyConfig
from helpers.languagetool_server import FakeLanguageTool

SAMPLE = Sample("a", "")
GOOD = "A man in a red shirt stands next to a bicycle."
DOUBLED = "The man is is near a red car in the street."  # 11 words, one mistake: GRAMMAR


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(languagetool, "PAUSE", 0.01)
    with FakeLanguageTool() as running:
        yield running


def head(server, **settings):
    return Fluency(FluencyConfig(engine="languagetool", server=server.url, **settings))


def fluency(head, *texts):
    return head.score([Caption(SAMPLE, text) for text in texts])


def numbered_list(count):
    return [f"A red car stands in street number {n}." for n in range(count)]


def test_a_mistake_costs_its_share_of_the_words(server):
    assert fluency(head(server), GOOD, DOUBLED) == [1.0, pytest.approx(1 - 6 / 11)]
    assert fluency(head(server, lint_cost=2.0), DOUBLED) == [pytest.approx(1 - 2 / 11)]
    assert fluency(head(server, lint_cost=100.0), DOUBLED) == [0.0]


def test_what_both_engines_find_costs_the_same(server):
    assert fluency(head(server), DOUBLED) == fluency(Fluency(), DOUBLED)


def test_repetition_and_the_end_count_as_with_harper(server):
    once = "A dog runs over the grass."  # see test_fluency: 6 of 8 5-grams, 1 of 2 sentences
    values = fluency(head(server), f"{once} {once}", "A dog runs over the")
    assert values == [pytest.approx(6 / 8 * 1 / 2), pytest.approx(0.8)]


def test_categories_can_be_left_out(server):
    # 13 words: TYPOS, BRITISH_ENGLISH, TYPOGRAPHY
    text = "Here is teh colour of the car , which stands in the street."
    one = {"lint_cost": 1.0}
    assert fluency(head(server, **one), text) == [pytest.approx(1 - 1 / 13)]
    assert fluency(head(server, **one, ignore=()), text) == [pytest.approx(1 - 3 / 13)]
    assert fluency(head(server, **one, ignore=("TYPOGRAPHY",)), text) == [pytest.approx(1 - 2 / 13)]
    assert len(server.checks) == 1  # what a server found is kept, whatever counts


def test_no_words_and_no_english_score_0_unasked(server):
    assert fluency(head(server), "", " \n", "... !", "一只狗坐在草地上。") == [0.0] * 4
    assert server.checks == []


def test_odd_texts_are_checked(server):
    odd = ["A dog \ud800 runs.", "A dog 🐕 runs.", "A \x00 dog runs.", "A dog & a cat = 2 pets."]
    assert not any(isinstance(value, Unscored) for value in fluency(head(server), *odd))
    assert len(server.checks) == 4
    assert "A dog & a cat = 2 pets." in server.checks


def test_the_order_and_size_of_a_batch_change_nothing_and_each_text_is_checked_once(server):
    texts = [GOOD, DOUBLED, *numbered_list(30)]
    forth = fluency(head(server), *texts)
    assert fluency(head(server), *texts[::-1], *texts) == forth[::-1] + forth
    assert [fluency(head(server), text)[0] for text in texts] == forth
    assert sorted(server.checks) == sorted(texts)


def test_threads_give_the_same_answers_as_one(server):
    colours = ("red", "blue")
    batches = [
        [f"The car of number {n} is is {colour} and stands here." for n in range(20)]
        for colour in colours
    ]
    with ThreadPoolExecutor(4) as threads:
        beside = list(threads.map(lambda texts: fluency(head(server), *texts), batches * 2))
    assert beside == [[pytest.approx(1 - 6 / 11)] * 20] * 4  # 11 words, one mistake


@pytest.mark.parametrize("fault", ["500", "json", "text", "cut", "drop"])
def test_what_fails_once_is_asked_again(server, fault):
    server.faults = [fault]
    assert fluency(head(server), DOUBLED) == [pytest.approx(1 - 6 / 11)]
    assert len(server.checks) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("500", "answered 'Error: Internal Error: out of memory'"), ("text", "answered '<html>"),
     ("json", "KeyError: 'matches'"), ("drop", "does not answer"), ("cut", "does not answer")],
)  # fmt: skip
def test_what_fails_always_is_unscored_and_leaves_the_others_alone(server, fault, reason):
    texts = [*numbered_list(5), DOUBLED]
    server.fault_of = {DOUBLED: fault}
    *good, bad = fluency(head(server), *texts)
    assert good == [1.0] * 5
    assert isinstance(bad, Unscored)
    assert reason in bad.reason
    assert bad.cause == "judge"


def test_a_server_that_dies_leaves_cells_unscored_and_may_come_back(server):
    checked = head(server)
    assert fluency(checked, GOOD) == [1.0]
    server.stop()
    known, new = fluency(checked, GOOD, DOUBLED)
    assert known == 1.0
    assert new == Unscored(
        f"LanguageTool at {server.url}/v2/ does not answer (ConnectionError)", "judge"
    )
    server.start()
    assert fluency(checked, GOOD, DOUBLED) == [1.0, pytest.approx(1 - 6 / 11)]


def test_a_server_that_is_back_between_two_tries_is_not_noticed(server, monkeypatch):
    monkeypatch.setattr(languagetool, "PAUSE", 0.3)  # the tries come at 0, 0.3 and 0.9 s
    checked = head(server)
    assert fluency(checked, GOOD) == [1.0]
    server.stop()
    threading.Timer(0.1, server.start).start()
    assert fluency(checked, DOUBLED) == [pytest.approx(1 - 6 / 11)]


def test_a_server_that_hangs_costs_one_time_out_however_many_captions(server):
    checked = head(server, timeout=0.4)
    assert fluency(checked, GOOD) == [1.0]
    server.hanging = True
    begun = time.monotonic()
    values = fluency(checked, GOOD, *numbered_list(200))
    assert time.monotonic() - begun < 2  # 200 texts, 8 at once, would take 25 x 0.4 = 10 s
    assert values[0] == 1.0
    assert all(isinstance(value, Unscored) and "timed out" in value.reason for value in values[1:])


@pytest.mark.parametrize("path", ["/", "/v2", "/v2/"])
def test_an_address_may_end_as_it_likes(server, path):
    config = FluencyConfig(engine="languagetool", server=server.url + path)
    assert fluency(Fluency(config), GOOD) == [1.0]


def test_a_proxy_is_not_asked_for_this_machine(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert fluency(head(server), GOOD) == [1.0]


def test_a_server_that_was_never_there_is_the_users_to_mend():
    stopped = FakeLanguageTool()
    stopped._http.server_close()
    with pytest.raises(UserError, match=rf"no LanguageTool server .* at {stopped.url}: .*start it"):
        score([head(stopped)], [Caption(SAMPLE, GOOD)])


def test_a_server_without_the_language_is_the_users_to_mend(server, monkeypatch):
    monkeypatch.setattr(
        "helpers.languagetool_server.LANGUAGES", [{"code": "de", "longCode": "de-DE"}]
    )
    with pytest.raises(UserError, match="unsupported language: 'en-US'"):
        fluency(head(server), GOOD)


def test_mistaken_settings_are_refused():
    with pytest.raises(UserError, match=r"'Spelling'; .* of engine languagetool are CASING"):
        FluencyConfig(engine="languagetool", ignore=("Spelling",))
    with pytest.raises(UserError, match=r"did you mean 'TYPOS'"):
        FluencyConfig(engine="languagetool", ignore=("TYPO",))
    with pytest.raises(UserError, match=r"add --fluency.engine languagetool"):
        FluencyConfig(server="http://127.0.0.1:8081")
    with pytest.raises(UserError, match=r"begins with http:// or https://"):
        FluencyConfig(engine="languagetool", server="localhost:8081")
    with pytest.raises(UserError, match=r"fluency.timeout is 0"):
        FluencyConfig(engine="languagetool", timeout=0)


def test_without_the_package_it_says_how_to_install_it_and_its_licence(monkeypatch):
    monkeypatch.setattr(languagetool, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"GPL-3.0: pip install 'balcap\[languagetool\]'"):
        fluency(Fluency(FluencyConfig(engine="languagetool")), GOOD)


def test_its_absence_is_the_users_to_mend_and_leaves_no_run(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(languagetool, "find_spec", lambda name: None)
    words = ["--rewards", "fluency", "--fluency.engine", "languagetool"]
    assert main(["train", *words, "--run", str(tmp_path / "run")]) == 2
    assert "pip install 'balcap[languagetool]'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_nothing_imports_the_package_before_it_is_asked_for():
    code = (
        "import sys; from balcap.cli import main; assert main(['heads']) == 0; "
        "assert 'language_tool_python' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
