"""Whom heads ask: from a command line into settings, help, files and back."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from balcap.cli import COMMANDS, main
from balcap.cli.parser import parse
from balcap.config import JudgeSettings
from balcap.errors import UserError
from balcap.heads import dump
from balcap.judges.endpoint.config import EndpointSettings
from balcap.judges.factory import given_for
from balcap.judges.identity import identity_of
from balcap.judges.types import JudgeRequest, own_settings
from balcap.runs.provenance import _sha256_of_heads
from helpers.heads import Letters
from helpers.judged_heads import Graded, a_judge, everyone_asks, grade

FILE = Path(__file__).parent / "helpers" / "judged_heads.py"
ASKS = ["--rewards", f"{FILE}:Graded", "--eval-rewards="]


@pytest.fixture(autouse=True)
def _answers(monkeypatch: pytest.MonkeyPatch) -> None:
    everyone_asks(grade, monkeypatch)


def test_what_a_run_keeps_of_a_judge_is_what_was_given_and_reads_back(tmp_path: Path) -> None:
    words = [
        *ASKS, "--judge.backend", "endpoint", "--judge.url", "http://a/v1,http://b/v1",
        "--judge.key", "MY_KEY", "--graded.judge.model", "large", "--graded.judge.cache", "off",
    ]  # fmt: skip
    given = parse(COMMANDS["train"], words)
    written = dump(given.settings, given.heads)
    assert written.endswith(
        "judge:\n  backend: endpoint\n  url:\n  - http://a/v1\n  - http://b/v1\n  key: MY_KEY\n"
        + written.partition("  key: MY_KEY\n")[2]
    )
    assert "graded:\n  judge:\n    model: large\n    cache: 'off'\n" in written
    assert written.count("null") == dump(parse(COMMANDS["train"], ASKS).settings).count("null")
    (tmp_path / "config.yaml").write_text(written)
    back = parse(COMMANDS["train"], ["--config", str(tmp_path / "config.yaml")])
    expected = replace(given.settings.resolved(), methods=back.settings.methods)
    assert vars(back.settings) == vars(expected)
    assert back.heads is not None
    assert given.heads is not None
    config = back.heads.trained[0].config
    assert config == given.heads.trained[0].config
    assert config.judge == JudgeSettings.of(model="large", cache=Path("off"))
    assert dump(back.settings, back.heads) == written


def test_a_head_without_a_judge_of_its_own_leaves_nothing_in_the_file() -> None:
    parsed = parse(COMMANDS["train"], ASKS)
    written = dump(parsed.settings, parsed.heads)
    assert "judge:" not in written
    assert "graded:" not in written


def test_help_shows_the_judge_once_and_a_heads_own_in_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", *ASKS, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("--judge.retries N") == 1
    line = "  --graded.judge.FIELD VALUE  as --judge.FIELD, for this head alone\n"
    assert shown.count("--graded.judge") == shown.count(line) == 1
    assert main(["heads", f"{FILE}:Graded"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("--graded.judge") == shown.count(line) == 1


@pytest.mark.parametrize("prefix", ["judge", "graded.judge"])
@pytest.mark.parametrize("setting", ["retries", "concurrency", "timeout"])
def test_an_error_names_the_setting_as_it_was_written(prefix: str, setting: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(COMMANDS["train"], [*ASKS, f"--{prefix}.{setting}", "-1"])
    where = str(caught.value).removeprefix("the reward head 'graded': ")
    assert where.startswith(f"{prefix}.{setting} is -1")


def test_no_head_may_be_called_judge(tmp_path: Path) -> None:
    (tmp_path / "head.py").write_text(
        "from balcap.heads import Head\n\nclass Own(Head):\n    name = 'judge'\n\n"
        "    def score(self, captions):\n        return [1.0 for _ in captions]\n"
    )
    with pytest.raises(UserError, match="a reward head cannot be called 'judge': a setting is"):
        parse(COMMANDS["train"], ["--rewards", f"{tmp_path / 'head.py'}:Own", "--eval-rewards="])


def test_a_run_may_go_on_with_its_judge_at_another_address_and_nothing_else(tmp_path: Path) -> None:
    words = [*ASKS, "--judge.url", "http://a/v1", "--judge.model", "small", "--steps", "7"]
    parsed = parse(COMMANDS["train"], words)
    (tmp_path / "config.yaml").write_text(dump(parsed.settings, parsed.heads))
    resume = ["--resume", str(tmp_path)]
    own = ["--graded.judge.url", "http://c/v1"]
    resumed = parse(COMMANDS["train"], [*resume, "--judge.url", "http://b/v1", *own])
    assert resumed.settings.judge == JudgeSettings.of(url=("http://b/v1",), model="small")
    assert resumed.settings.steps == 7
    assert resumed.heads is not None
    assert resumed.heads.trained[0].config.judge.own["url"] == ("http://c/v1",)
    with pytest.raises(UserError, match=r"of which only --judge\.url .* leave out --judge\.model,"):
        parse(COMMANDS["train"], [*resume, "--judge.model", "large"])


def test_the_record_of_a_run_knows_the_questions_of_heads_that_ask() -> None:
    shared = {file.name for file in Path("balcap/judges/texts").glob("*.txt")}
    assert shared
    asking = _sha256_of_heads([Graded(judge=a_judge(grade))])
    assert set(asking["graded"]) == {FILE.name} | shared
    assert set(_sha256_of_heads([Letters()])["letters"]) == {"heads.py"}


KEYS = (
    "17d40dfff1fb1b6d22ee88bdffcb7c3d461a021d471921af9131a949a15d7747",
    "7cecb1797338e426cdab08150a97f9aa75fe43fca52680632d7da643ee3c95ad",
)
LOCAL = ["--graded.judge.backend", "local", "--graded.judge.model", "small"]
SERVED = ["--judge.backend", "endpoint", "--judge.url", "http://a/v1", "--judge.model", "large"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--judge.backend", "local", "--judge.url", "http://a/v1"],
            "judge.url is set, and the judge backend 'local' does not read it; it has batch, "
            "device; endpoint would",
        ),
        (
            [*SERVED, *LOCAL, "--graded.judge.retries", "1"],
            "graded.judge.retries is set, and the judge backend 'local' does not read it",
        ),
        ([*SERVED, "--judge.batch", "4"], "judge.batch .* 'endpoint' does not .*; local would"),
    ],
)
def test_a_setting_that_the_backend_does_not_read_is_refused(
    words: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        parse(COMMANDS["train"], [*ASKS, *words])


def test_a_head_with_another_backend_leaves_the_settings_of_the_general_one() -> None:
    """And takes what all backends share."""
    parsed = parse(COMMANDS["train"], [*ASKS, *SERVED, "--judge.price-in", "2", *LOCAL])
    assert parsed.heads is not None
    own = parsed.heads.trained[0].config.judge
    settings = given_for(own, parsed.settings.judge, "graded.judge")
    assert settings == JudgeSettings(backend="local", model="small", price_in=2.0)


def test_a_run_of_an_older_version_goes_on_without_what_its_judge_never_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.yaml").write_text(
        f"rewards: {FILE}:Graded\neval_rewards: ''\n"
        "judge: {backend: local, model: small, url: [http://a/v1], batch: 4}\n"
        "graded: {judge: {timeout: 3.0, device: cpu}}\n"
    )
    parsed = parse(COMMANDS["train"], ["--resume", str(tmp_path)])
    assert parsed.settings.judge == JudgeSettings.of(backend="local", model="small", batch=4)
    assert parsed.heads is not None
    assert parsed.heads.trained[0].config.judge == JudgeSettings.of(device="cpu")


def test_null_is_not_given(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("judge: {timeout: null, retries: 1}\n")
    parsed = parse(COMMANDS["train"], [*ASKS, *SERVED, "--config", str(tmp_path / "a.yaml")])
    own = own_settings(EndpointSettings, parsed.settings.judge)
    assert (own.timeout, own.retries) == (120.0, 1)


BACKEND = """
from dataclasses import dataclass
from balcap.judges.types import Backend

@dataclass(frozen=True)
class Settings:
    FIELDS

class Mine(Backend):
    Settings, identity, name, answer = Settings, {"model": "mine"}, "mine", None
"""


def backend(folder: Path, settings: str) -> str:
    """Write a backend with these settings. Returns how it is selected."""
    (folder / "mine.py").write_text(BACKEND.replace("FIELDS", settings))
    return f"{folder / 'mine.py'}:Mine"


def test_a_setting_of_a_name_that_another_backend_has_too_is_its_own(tmp_path: Path) -> None:
    """`batch` is a whole number of `local`, `url` a list of `endpoint`."""
    mine = backend(tmp_path, "batch: float = 1.0; url: str = ''; retries: int = 0")
    words = ["--graded.judge.backend", mine, "--graded.judge.batch", "0.25"]
    parsed = parse(COMMANDS["train"], [*ASKS, *SERVED, "--judge.retries", "2", *words,
                                       "--graded.judge.model", "m"])  # fmt: skip
    assert parsed.heads is not None
    own = given_for(parsed.heads.trained[0].config.judge, parsed.settings.judge, "graded.judge")
    assert own.own == {"batch": 0.25, "retries": 2}  # the list of servers is none of its url


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("depth: complex = 1j", "has a setting of unknown type .*complex"),
        ("model: str = 'm'", "has a setting 'model', as every judge has; rename it"),
        ("depth: int", "has a setting 'depth' without a default; give it one"),
    ],
)
def test_a_backend_whose_settings_cannot_be_given_is_told(
    tmp_path: Path, settings: str, message: str
) -> None:
    mine = backend(tmp_path, settings)
    with pytest.raises(UserError, match=re.escape(repr(mine)) + " " + message):
        parse(COMMANDS["train"], [*ASKS, "--judge.backend", mine, "--judge.model", "m"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--judge.backend", "local", "--judge.url", "http://a/v1"], "judge.url is set, and"),
        (["--judge.timeout", "-1"], "judge.timeout is -1"),
    ],
)
def test_an_evaluations_judge_is_checked_before_its_data_is_read(
    words: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        parse(COMMANDS["eval captionqa"], ["--captions", "c.json", *words])


def test_the_key_of_a_question_is_what_it_always_was() -> None:
    """Answers that were paid for are found again. The digests are those of version 0.1.0."""
    settings = JudgeSettings.of(backend="endpoint", url=("http://a/v1",), model="reader")
    request = JudgeRequest.of("Is it red?", max_tokens=8, temperature=0.5, draw=3)
    assert request.key(identity_of("reader", settings)) == KEYS[0]
    smaller = replace(settings, max_pixels=1000)
    assert request.key(identity_of("reader", smaller)) == KEYS[1]
