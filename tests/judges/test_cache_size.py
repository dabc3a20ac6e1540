"""The file of answers stays small: questions are packed, and old answers can be deleted."""

import json
import sqlite3
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.judges.cache.answers import AnswerCache
from balcap.judges.cache.file import Row
from balcap.judges.cache.location import network_file_system
from balcap.judges.cache.pruning import PrunableFile
from balcap.judges.types import JudgeRequest, JudgeResponse

DAY = 86_400.0
INSTRUCTIONS = "You read a description of a picture and answer a question about it. " * 8


def row(number: int, time: float = 0.0, model: str = "reader", **how: object) -> Row:
    request = JudgeRequest.of(f"{INSTRUCTIONS}Is number {number} there?", draw=number, **how)
    judge = {"model": model}
    return Row(request.key(judge), judge, request, JudgeResponse(f"answer {number}"), time)


def kept(file: PrunableFile, number: int) -> bool:
    return bool(file.read([row(number).key]))


def test_a_question_takes_a_fraction_of_its_length_and_comes_back_whole(tmp_path: Path) -> None:
    rows = [row(number) for number in range(50)]
    rows += [row(number, temperature=0.5, choices=("A", "B")) for number in range(50)]
    file = PrunableFile(tmp_path / "a.sqlite")
    file.write(rows)
    [share] = file.shares()
    raw = sum(len(json.dumps(one.request.content())) for one in rows)
    assert share.answers == 100
    # the words of the instructions are in the dictionary: under 120 bytes of 700 are left
    assert share.bytes < raw / 5
    again = PrunableFile(tmp_path / "a.sqlite", read_only=True)
    assert [content for _, content, _ in again.recorded()] == [
        json.loads(json.dumps(one.request.content())) for one in rows
    ]


def test_two_processes_agree_on_the_dictionaries(tmp_path: Path) -> None:
    one, other = PrunableFile(tmp_path / "a.sqlite"), PrunableFile(tmp_path / "a.sqlite")
    one.write([row(1)])
    other.write([row(2)])
    one.write([row(3)])
    texts = [content["messages"][0]["text"] for _, content, _ in other.recorded()]
    assert [text[-18:] for text in texts] == [f"Is number {n} there?"[-18:] for n in (1, 2, 3)]


def test_questions_of_older_versions_are_read(tmp_path: Path) -> None:
    """They stand there as text, and there are no dictionaries."""
    file = PrunableFile(tmp_path / "a.sqlite")
    file.write([row(1)])
    file.close()
    with sqlite3.connect(tmp_path / "a.sqlite") as old:
        old.execute("UPDATE answers SET ask = ?", (json.dumps(row(1).request.content()),))
        old.execute("DROP TABLE dictionaries")
    old.close()
    for read_only in (True, False):
        again = PrunableFile(tmp_path / "a.sqlite", read_only=read_only)
        [(_, content, answer)] = again.recorded()
        assert content["draw"] == 1
        assert answer.text == "answer 1"
        again.close()


def test_what_is_older_is_deleted(tmp_path: Path) -> None:
    file = PrunableFile(tmp_path / "a.sqlite")
    file.write([row(number, time=number * DAY) for number in range(10)])
    assert file.delete_older(4 * DAY) == 4
    assert [kept(file, number) for number in (3, 4)] == [False, True]


def test_the_oldest_go_until_the_file_is_small_enough(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    file = PrunableFile(path)
    file.write([row(number, time=float(number)) for number in range(4000)])
    file.shrink()
    before = path.stat().st_size
    deleted = file.delete_oldest(before / 2)
    file.shrink()
    assert path.stat().st_size <= 0.55 * before  # a page more or less
    assert 1900 <= deleted <= 2100
    assert [kept(file, number) for number in (deleted - 1, deleted)] == [False, True]
    assert file.delete_oldest(before) == 0


def test_the_commands_show_and_prune(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BALCAP_CACHE", str(tmp_path))
    file = PrunableFile(tmp_path / "answers.sqlite")
    file.write([row(1), row(2, time=40_000 * DAY), row(3, model="other")])  # 2079: not yet old
    assert main(["cache", "show"]) == 0
    shown = capsys.readouterr().out
    assert "answers.sqlite" in shown
    assert "3 answers" in shown
    assert "1970-01-01" in shown
    assert main(["cache", "prune", "--older", "30d"]) == 0
    assert "2 answers deleted" in capsys.readouterr().out
    assert kept(file, 2)  # the process that has the file open goes on


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["prune"], "nothing to delete; say which answers: --older 30d, or --larger 2GB"),
        (["prune", "--older", "soon"], "older is 'soon'; it must be a number and one of h, d, w"),
        (["prune", "--larger", "2d"], "larger is '2d'; it must be a number and one of kB, MB, GB"),
        (["show"], "there is no such file; give it: --cache"),
        (["show", "--cache", "text.txt"], "is no file of judges' answers"),
    ],
)
def test_mistakes_are_told(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALCAP_CACHE", str(tmp_path / "none"))
    (tmp_path / "text.txt").write_text("no database, but long enough to look like one" * 100)
    assert main(["cache", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_dictionary_that_was_rolled_back_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = PrunableFile(tmp_path / "a.sqlite")

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr("balcap.judges.cache.file._storable", full)
        with pytest.raises(sqlite3.OperationalError):
            file.write([row(1)])
    file.write([row(2)])
    again = PrunableFile(tmp_path / "a.sqlite", read_only=True)
    assert [content["draw"] for _, content, _ in again.recorded()] == [2]


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/me/my\\040disk xfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/.cache/balcap/answers.sqlite", "nfs4"),
        ("/home/me/my disk/answers.sqlite", ""),
        ("/homes/answers.sqlite", ""),
        ("/tmp/answers.sqlite", ""),
    ],
)
def test_a_disk_that_machines_share_is_known(tmp_path: Path, path: str, kind: str) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    assert network_file_system(Path(path), tmp_path / "mounts") == kind
    assert network_file_system(Path(path), tmp_path / "nothing") == ""


def test_on_such_a_disk_there_is_no_write_ahead_log_and_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("file", "answers"):
        monkeypatch.setattr(
            f"balcap.judges.cache.{module}.network_file_system", lambda path: "nfs4"
        )
    one = row(1)
    cache = AnswerCache(tmp_path / "a.sqlite")
    cache.put(one.key, one.judge, one.request, one.answer)
    cache.close()
    with sqlite3.connect(tmp_path / "a.sqlite") as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert "is on nfs4" in capsys.readouterr().err
