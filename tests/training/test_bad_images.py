"""An image that cannot be used any more: named, replaced, counted; and a limit to that."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from balcap.cli import main
from balcap.errors import UserError
from balcap.heads.scoring import score
from balcap.judges.scripted import scripted
from balcap.policies.families import LLAVA, QWEN
from balcap.runs.folder import RunFolder
from balcap.training.grpo import CaptionTrainer
from balcap.training.image_reader import ImageReader, unreadable
from balcap.training.session import Session
from balcap.training.turns import as_dataset
from balcap.types import Caption, Sample, Unscored
from balcap_rewards.holistic import Holistic
from helpers.training import command

COUNT = 20


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twenty pictures with captions."""
    rows = []
    for number in range(COUNT):
        Image.new("RGB", (40, 40), (number * 10, 0, 0)).save(tmp_path / f"{number}.png")
        rows.append({"id": f"s{number}", "image": f"{number}.png", "caption": "A red picture."})
    file = tmp_path / "data.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def samples_of(data: Path) -> list[Sample]:
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    return [Sample(row["id"], "", image=data.parent / row["image"]) for row in rows]


def words(policy: Path, data: Path, run: Path, *more: str) -> list[str]:
    return [*command(policy, run), "--data", f"records:{data}", "--eval-samples", "4", *more]


def test_the_next_sample_that_can_be_read_takes_its_place(data: Path) -> None:
    (data.parent / "18.png").unlink()
    (data.parent / "19.png").write_bytes(b"no picture")
    told: list[str] = []
    reader = ImageReader(samples_of(data), LLAVA, 0.1, told.append)
    assert [reader.open(row)[0] for row in (17, 18, 19, 18)] == [17, 0, 0, 0]
    assert sorted(reader.bad) == [18, 19]
    assert len(told) == 2  # each once
    assert "sample 's18': its image cannot be used (FileNotFoundError" in told[0]


def test_there_is_a_limit(data: Path) -> None:
    """2 of 20 are the 10% that may fail; the third is one too many."""
    for number in (3, 4, 5):
        (data.parent / f"{number}.png").unlink()
    reader = ImageReader(samples_of(data), LLAVA, 0.1, lambda line: None)
    with pytest.raises(
        UserError, match=r"images of 3 of 20 samples .* \(15\.0%; max_bad allows 10"
    ):
        reader.open(3)


def test_a_shape_that_the_processor_refuses_is_a_bad_image(data: Path) -> None:
    Image.new("RGB", (2010, 10)).save(data.parent / "0.png")
    assert list(unreadable(samples_of(data), QWEN)) == ["s0"]
    assert unreadable(samples_of(data), LLAVA) == {}
    assert "2010 x 10 pixels is 201 to 1" in QWEN.fault_of(2010, 10)
    assert QWEN.fault_of(2000, 10) == ""


def test_a_run_goes_on_without_it(
    data: Path,
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One of the 16 training images goes after the rows were checked."""
    run = RunFolder(tmp_path / "run")
    made = CaptionTrainer.__init__

    def without_one(self: CaptionTrainer, **more: object) -> None:
        made(self, **more)  # type: ignore[arg-type]
        image = self.samples[0].image
        assert isinstance(image, Path)
        image.unlink(missing_ok=True)

    monkeypatch.setattr(CaptionTrainer, "__init__", without_one)
    more = ["--max-bad", "0.1", "--steps", "8"]
    assert main(words(fresh_policies["llava-1.5"], data, run.path, *more)) == 0
    assert "its image cannot be used (FileNotFoundError" in capsys.readouterr().out
    assert run.read_json(run.summary)["bad_images"] == 1
    assert [row["data/bad_images"] for row in run.read_metrics()][-1] == 1
    for file in run.rollouts.iterdir():  # all captions of a group are of one sample
        assert (pd.read_parquet(file).groupby("group")["sample"].nunique() == 1).all()


def test_shapes_are_known_before_the_start(
    data: Path, fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (2010, 10)).save(data.parent / "0.png")
    line = words(fresh_policies["qwen2.5-vl"], data, tmp_path / "run", "--steps", "1")
    assert main([*line, "--max-bad", "0.01"]) == 2
    assert "1 of 20 images cannot be shown to the policy" in capsys.readouterr().err
    assert main(line) == 0
    assert "and are left out, such as that of sample 's0': 2010 x 10" in capsys.readouterr().out


def test_a_judge_that_is_to_look_at_it_is_not_asked(data: Path) -> None:
    here, gone = samples_of(data)[:2]
    gone = replace(gone, image=data.parent / "nowhere.png")
    head = Holistic(judge=scripted(lambda request: '{"score": 5}'))
    cells = score([head], [Caption(here, "red"), Caption(gone, "red")]).cells
    assert cells[0][0] == 0.5
    assert isinstance(cells[1][0], Unscored)
    assert cells[1][0].cause == "data"
    assert "image of sample 's1' cannot be read" in cells[1][0].reason


def test_all_processes_give_a_group_the_same_sample(data: Path) -> None:
    """The image goes while two processes read their halves of one group: the first still has it."""
    samples = samples_of(data)
    halves = []
    readers = []
    for rank in range(2):
        if rank:
            (data.parent / "3.png").unlink()
        readers.append(ImageReader(samples, LLAVA, 0.1, lambda line: None))
        halves.append(as_dataset(samples, [3, 7], readers[rank])[:2])
    rows = [
        [{name: column[i] for name, column in half.items()} for i in range(2)] for half in halves
    ]
    faults = [readers[rank].faults(rows[rank]) for rank in range(2)]
    assert faults[0] == {}
    assert list(faults[1]) == [0]  # the turn of sample 3
    agreed = [
        # what each hears first is what both have said, and then that all is well
        readers[rank].agreed(rows[rank], exchange=iter_of([faults[0], faults[1]], [{}, {}]))
        for rank in range(2)
    ]
    assert [[row["row"] for row in rows] for rows in agreed] == [[4, 7], [4, 7]]
    assert readers[0].bad.keys() == readers[1].bad.keys() == {3}


def iter_of(*answers: object) -> object:
    said = iter(answers)
    return lambda own: next(said)


def test_what_the_processor_refuses_is_a_bad_image(data: Path) -> None:
    def processor(image: Image.Image) -> None:
        if image.getpixel((0, 0)) == (30, 0, 0):  # that of sample 3
            raise RuntimeError("no such image")

    samples = samples_of(data)
    told: list[str] = []
    reader = ImageReader(samples, LLAVA, 0.1, told.append, process=processor)
    [row] = reader.agreed([{"turn": 0, "row": 3, "image": samples[3].open_image()}])
    assert (row["row"], row["prompt"][0]["content"]) == (4, samples[4].prompt)
    assert told == [
        "sample 's3': its image cannot be used (RuntimeError: no such image); another is taken"
    ]


def test_both_evaluations_are_over_the_same_samples(
    data: Path, fresh_policies: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of 4 held-out images goes during the training: 3 are left, before and after."""
    run = RunFolder(tmp_path / "run")
    train = Session._train

    def and_lose_one(self: Session) -> None:
        train(self)
        image = self.held_out.samples[1].image
        assert isinstance(image, Path)
        image.unlink()

    monkeypatch.setattr(Session, "_train", and_lose_one)
    assert main(words(fresh_policies["llava-1.5"], data, run.path, "--steps", "1")) == 0
    summary, captions = run.read_json(run.summary), run.read_json(run.captions)
    kept = [row["sample"] for row in captions["after"]]
    assert len(kept) == 3
    for side in ("before", "before_greedy", "after", "after_greedy"):
        assert [row["sample"] for row in captions[side]] == kept
        assert (summary[side]["captions"], summary[side]["left_out"]) == (3, 1)
        scores = [row["scores"]["letters"] for row in captions[side]]
        assert summary[side]["letters"] == pytest.approx(sum(scores) / 3)


def test_a_dry_run_takes_another_sample(
    data: Path, fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(0, COUNT, 2):
        (data.parent / f"{number}.png").write_bytes(b"no picture")
    line = words(fresh_policies["llava-1.5"], data, tmp_path / "run", "--check-images", "exists")
    assert main([*line, "--dry-run", "--max-bad", "1"]) == 0
    assert "its image cannot be used (UnidentifiedImageError" in capsys.readouterr().out


def test_captions_of_a_shape_that_the_policy_refuses(
    tmp_path: Path, fresh_policies: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (2010, 10)).save(tmp_path / "wide.png")
    policy = str(fresh_policies["qwen2.5-vl"])
    assert main(["caption", str(tmp_path / "wide.png"), "--policy", policy]) == 2
    told = capsys.readouterr().err
    assert "wide.png" in told
    assert "2010 x 10 pixels is 201 to 1" in told
