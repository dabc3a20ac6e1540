"""`--engine ray` of score and curate: what this process would have made, by workers."""

import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.cluster import worked_through
from balcap.config.engine import EngineSettings
from balcap.errors import JudgeGoneError, RunError, UnreadableImageError, UserError
from balcap.evaluation import scoring_by_workers
from balcap.types import Caption, Sample

ray = pytest.importorskip("ray", reason="pip install 'balcap[scale]'")
RAY = ["--engine", "ray", "--workers", "2"]


@pytest.fixture(scope="module", autouse=True)
def _one_cluster() -> Iterator[None]:
    """The first test starts Ray, and the others use it."""
    yield
    ray.shutdown()


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    """Two captions of each of 6 scenes, one of them empty, and one of a stranger."""
    texts = {f"shapes-0-train-{n}": [f"A red circle, number {n}.", ""] for n in range(6)}
    lines = [{"id": name, "caption": text} for name, said in texts.items() for text in said]
    file = tmp_path / "captions.jsonl"
    file.write_text("".join(json.dumps(x) + "\n" for x in [*lines, {"id": "x", "caption": "A."}]))
    return file


def scored(captions: Path, out: Path, *more: str) -> list[str]:
    return [
        "score", str(captions), "--data", "shapes", "--shapes.train", "6", "--eval-samples", "0",
        "--out", str(out), *more,
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_scores_by_workers_are_those_of_one_process_to_the_byte(
    captions: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    """12 captions of 6 scenes in pieces of at least 3: four captions each, of two scenes."""
    monkeypatch.setattr(scoring_by_workers, "PIECE", 3)
    here, there = tmp_path / f"here.{kind}", tmp_path / f"there.{kind}"
    assert main(scored(captions, here)) == 0
    alone = capsys.readouterr().out
    assert main(scored(captions, there, *RAY)) == 0
    assert there.read_bytes() == here.read_bytes()
    table = alone[: alone.index("per caption")]
    assert table in capsys.readouterr().out


def test_a_head_in_a_file_is_found_by_the_workers(
    captions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a name that is relative to the folder of the command, with a setting of its own."""
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "from balcap.heads import Head\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Settings:\n"
        '    """How.\n\n    Attributes:\n        worth: of a letter.\n    """\n\n'
        "    worth: float = 0.01\n"
        "class Letters(Head[Settings]):\n"
        '    """Letters."""\n\n'
        "    name, Config = 'letters', Settings\n"
        "    def score(self, captions):\n"
        "        return [self.config.worth * len(c.text) for c in captions]\n"
    )
    monkeypatch.chdir(tmp_path)
    more = ["--rewards", "./mine.py:Letters", "--letters.worth", "0.02", "--gate", "none"]
    assert main(scored(captions, tmp_path / "here.jsonl", *more)) == 0
    assert main(scored(captions, tmp_path / "there.jsonl", *more, *RAY)) == 0
    assert (tmp_path / "there.jsonl").read_bytes() == (tmp_path / "here.jsonl").read_bytes()
    first = json.loads((tmp_path / "there.jsonl").read_text().splitlines()[0])
    assert first["letters"] == pytest.approx(0.02 * len("A red circle, number 0."))


def test_captions_of_a_sample_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 2, 3 and 1 captions, in pieces of at least 3: the first two samples, and the last."""
    monkeypatch.setattr(scoring_by_workers, "PIECE", 3)
    captions = [
        Caption(Sample(name, ""), f"{name}{n}")
        for name, count in (("a", 2), ("b", 3), ("c", 1))
        for n in range(count)
    ]
    pieces = [[c.text for c in piece] for piece in scoring_by_workers._pieces(captions)]
    assert pieces == [["a0", "a1", "b0", "b1", "b2"], ["c0"]]


def test_what_workers_curate_is_what_one_process_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """10 scenes, in pieces of 4; the second start finds all of it done and asks nobody."""

    def curate(out: str, *more: str) -> int:
        words = ["curate", "--data", "shapes", "--limit", "10", "--out", str(tmp_path / out)]
        return main([*words, "--questions.near", "words", *more])

    assert curate("here") == 0
    alone = capsys.readouterr().out
    assert curate("there", *RAY, "--at-once", "1") == 0
    said = capsys.readouterr().out
    for name in ("questions.jsonl", "verdicts.jsonl", "report.json"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    asked = [line.split()[:2] for line in alone.splitlines() if line.startswith("writer")]
    assert asked
    assert [line.split()[:2] for line in said.splitlines() if line.startswith("writer")] == asked
    before = (tmp_path / "there" / "journal.jsonl").read_bytes()
    assert curate("there", *RAY) == 0
    assert (tmp_path / "there" / "journal.jsonl").read_bytes() == before


def maker(error: Exception) -> Callable[[], Callable[[int], int]]:
    """Makes workers that give ten times the piece, and fail at piece 1."""

    def work(piece: int) -> int:
        if piece == 1:
            raise error
        return 10 * piece

    return lambda: work


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (UserError("no such thing"), UserError, "^no such thing$"),
        (JudgeGoneError("it is gone"), JudgeGoneError, "^it is gone$"),
        (
            ValueError("odd\nand more"),
            RunError,
            r"worker of Ray on [\d.]+ failed: ValueError: odd$",
        ),
    ],
)
def test_a_worker_that_fails_is_one_message(
    error: Exception, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as raised:
        list(worked_through(EngineSettings(engine="ray"), maker(error), [0, 1]))
    assert type(raised.value) is kind


def test_a_worker_that_cannot_be_made_is_one_message() -> None:
    def make() -> Callable[[int], int]:
        raise UserError("the policy is gone")

    with pytest.raises(UserError, match="the policy is gone"):
        list(worked_through(EngineSettings(engine="ray"), make, [0]))


def test_every_piece_comes_back_with_its_number() -> None:
    settings = EngineSettings(engine="ray", workers=2)
    found = dict(worked_through(settings, maker(UserError()), [0, 2, 3]))
    assert found == {0: 0, 1: 20, 2: 30}


def test_the_error_of_an_image_survives_the_way() -> None:
    back = pickle.loads(pickle.dumps(UnreadableImageError("a", "it is gone")))
    assert (back.reason, str(back)) == ("it is gone", str(UnreadableImageError("a", "it is gone")))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--workers", "2"], "workers is 2, and engine is 'local', which has no workers"),
        (["--ray-address", "auto"], "ray_address is auto, and engine is 'local'"),
        ([*RAY, "--worker-gpus", "-1"], "worker_gpus is -1.0; it must be at least 0"),
        (["--engine", "spark"], "engine"),
    ],
)
def test_mistakes_are_one_message(
    captions: Path,
    tmp_path: Path,
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(scored(captions, tmp_path / "out.jsonl", *words)) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
