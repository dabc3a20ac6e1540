"""`balcap.train` from Python does what `balcap train` does, with samples and heads in memory."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from PIL import Image

import balcap
from balcap.cli import main
from balcap.config import DataSettings
from balcap.data import load
from balcap.data.handed_in import write_samples
from balcap.errors import UserError
from balcap.heads import find, hand_in
from balcap.runs.folder import RunFolder
from balcap.types import Caption, Question, Sample
from helpers.training import command, head, without_seconds

SHORT = {"steps": 2, "batch": 4, "group_size": 4, "max_tokens": 6, "save_every": 1}


def pictures(count: int = 6) -> list[Sample]:
    return [
        Sample(image=Image.new("RGB", (64, 64), (40 * n, 0, 0)), reference=f"Red number {n}.")
        for n in range(count)
    ]


def test_the_same_settings_give_the_run_of_the_command(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    policy = fresh_policies["qwen2.5-vl"]
    assert main(command(policy, tmp_path / "typed", "--steps", "2", "--lora.rank", "2")) == 0
    made = balcap.train(
        policy=policy, run=tmp_path / "called", rewards=[head("Letters"), head("Brief")],
        eval_rewards="", gate="none", shapes={"train": 40}, eval_samples=4, eval_batch=4,
        group_size=4, batch=8, steps=2, save_every=2, max_tokens=8, lr=1e-3,
        gradient_checkpointing=False, lora={"rank": 2},
    )  # fmt: skip
    typed = RunFolder(tmp_path / "typed")
    assert without_seconds(RunFolder(made.path)) == without_seconds(typed)
    assert made.summary["after"] == json.loads((typed.path / "summary.json").read_text())["after"]


def test_samples_and_a_local_class_are_trained_on_and_resumed(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    seen: list[str] = []

    class Seen(balcap.Head):  # in a function, where no import finds it
        name = "seen"

        def score(self, captions: Sequence[Caption]) -> list[float]:
            seen.extend(caption.sample.reference or "" for caption in captions)
            return [float(len(caption.text) % 7) / 7 for caption in captions]

    run = balcap.train(
        pictures(), held_out=pictures(2), rewards={Seen: 0.5}, eval_rewards="", gate="none",
        policy=fresh_policies["llava-1.5"], run=tmp_path / "run", **SHORT | {"batch": 24},
    )  # fmt: skip
    assert set(seen) == {f"Red number {n}." for n in range(6)}  # of 2 steps and of the smoke test
    assert run.summary["steps"] == 2
    assert run.summary["after"]["captions"] == 2
    stored = yaml.safe_load((run.path / "config.yaml").read_text())
    assert stored["rewards"].endswith("Seen=0.5")
    assert balcap.train(resume=run.path, rewards=[Seen]).summary["steps"] == 2


def test_a_sample_comes_back_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "photo.png"
    Image.new("RGB", (8, 8), "red").save(file)
    question = Question(
        "Which colour?", ("red", "blue"), 0, ("It is red.", "It is blue."), "colour"
    )
    whole = Sample(
        "a", "What is it?", file, "Red.", ("it is red",), (question,), {"text": "not a caption"}
    )
    bare = Sample(image=Image.new("RGBA", (8, 8), (0, 0, 255, 0)))  # transparent: shown white
    data = write_samples([whole, bare], tmp_path / "data", "train")
    settings = DataSettings(data=data, prompt="Describe it.", eval_samples=0)
    first, second = load(settings).train
    assert (first.id, first.prompt, first.reference) == ("a", "What is it?", "Red.")
    assert (first.facts, first.questions) == (whole.facts, whole.questions)
    assert first.open_image().getpixel((0, 0)) == (255, 0, 0)
    assert (second.id, second.prompt, second.reference) == ("train-0001", "Describe it.", None)
    assert second.open_image().getpixel((0, 0)) == (255, 255, 255)


class Unfinished(balcap.Head):
    name = "unfinished"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"stepps": 1}, "no setting 'stepps' (did you mean 'steps'?)"),
        ({"lr": "abc"}, "lr is 'abc'; it must be a number"),
        ({"lora": {"rnk": 8}}, "did you mean 'lora.rank'"),
        ({"rewards": [Unfinished]}, "does not define score"),
        ({"rewards": [int]}, "int is not a reward head"),
        ({"rewards": ["nowhere"]}, "no reward head 'nowhere'"),
        ({"samples": pictures(2), "data": "shapes"}, "data is for data files"),
        ({"samples": [Sample()]}, "sample 'train-0000' has no image"),
        ({"samples": ["photo.jpg"]}, "item 0 is a str; give balcap.Sample"),
        ({"held_out": pictures(2)}, "held_out goes with samples"),
        ({"resume": "runs/x", "steps": 3}, "resume continues a run with that run's settings"),
        ({"resume": "runs/x"}, "no run to resume in 'runs/x'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_mistake_is_one_message_that_names_it(
    arguments: dict[str, object], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=re.escape(told)):
        balcap.train(**arguments)  # type: ignore[arg-type]


def test_metadata_that_no_file_holds_is_named(tmp_path: Path) -> None:
    picture = Image.new("RGB", (8, 8))
    with pytest.raises(UserError, match=r"'train-0000' cannot be kept.*set"):
        write_samples([Sample(image=picture, metadata={"a": {1}})], tmp_path, "train")
    with pytest.raises(UserError, match="metadata cannot be called 'caption'"):
        write_samples([Sample(image=picture, metadata={"caption": "x"})], tmp_path, "train")


def test_a_class_of_another_notebook_says_how_it_is_handed_in() -> None:
    with pytest.raises(UserError, match="hand it in again"):
        find("__main__:Gone")

    class Here(balcap.Head):
        name = "here"

        def score(self, captions: Sequence[Caption]) -> list[float]:
            return [1.0 for _ in captions]

    assert find(hand_in(Here)) is Here
