"""A run, exported, is a model of plain transformers that writes the same captions."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from balcap.cli import main
from balcap.exporting.checking import plain_captions
from balcap.runs.folder import RunFolder
from balcap.types import Sample
from helpers.training import command

LORA = ["--lora.rank", "2", "--lora.projector", "true", "--lora.vision", "true"]


@pytest.fixture(scope="module")
def runs(
    fresh_policies: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Of both families all weights, and adapters in every part; adapters on a run's adapters."""
    folder = tmp_path_factory.mktemp("runs")
    made = {}
    for family, policy in fresh_policies.items():
        for kind, more in (("full", []), ("lora", LORA)):
            made[f"{family} {kind}"] = folder / f"{family}-{kind}"
            words = command(policy, made[f"{family} {kind}"], "--lr", "1e-2", "--steps", "2", *more)
            assert main(words) == 0
    made["lora on a run"] = folder / "on-a-run"
    assert main(command(made["llava-1.5 lora"], made["lora on a run"], "--steps", "2")) == 0
    return made


RUNS = ["qwen2.5-vl full", "qwen2.5-vl lora", "llava-1.5 full", "llava-1.5 lora", "lora on a run"]


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("merge", [False, True])
def test_plain_transformers_writes_the_captions_of_the_runs_evaluation(
    kind: str,
    merge: bool,
    runs: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "model"
    words = ["export", str(runs[kind]), "--out", str(out), "--check", "4"]
    assert main([*words, *(["--merge"] if merge else [])]) == 0
    told = capsys.readouterr().out
    assert "writes balcap's captions of 4 held-out samples, those of the run's evaluation" in told
    alone = not merge and "full" not in kind
    assert (out / "adapter_model.safetensors").is_file() == alone
    assert (out / "model.safetensors").is_file() == (not alone)
    assert ("which others lack; --merge makes a whole model" in told) == alone
    decoding = json.loads((out / "generation_config.json").read_text())
    assert decoding["max_new_tokens"] == 8
    assert not decoding.get("do_sample")
    shared = yaml.safe_load((out / "training.yaml").read_text())
    assert "run" not in shared
    assert shared["steps"] == 2


def test_the_card_has_rewards_scores_and_what_is_not_known(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    run = RunFolder(runs["qwen2.5-vl full"])
    out = tmp_path / "model"
    more = ["--check", "0", "--licence", "apache-2.0"]
    assert main(["export", str(run.path), "--out", str(out), *more]) == 0
    card = (out / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["license"] == "apache-2.0"
    assert front["pipeline_tag"] == "image-text-to-text"
    assert "base_model" not in front  # a folder of this machine is no base on the hub
    after = run.read_json(run.summary)["after"]
    before = run.read_json(run.summary)["before"]
    line = next(line for line in card.splitlines() if line.startswith("| letters |"))
    change = after["letters"] - before["letters"]
    assert line.startswith(
        f"| letters | {before['letters']:.3f} | {after['letters']:.3f} | {change:+.3f} ["
    )
    assert "Whoever publishes this model names the data's source and licence here." in card


def test_every_checkpoint_has_its_card(runs: dict[str, Path]) -> None:
    [*cards] = sorted(runs["llava-1.5 lora"].glob("checkpoints/checkpoint-*/README.md"))
    assert [card.parent.name for card in cards] == ["checkpoint-2"]
    text = cards[0].read_text()
    assert "trained for 2 steps" in text
    assert "has no scores yet" in text
    assert yaml.safe_load(text.split("---")[1])["library_name"] == "peft"


def test_another_caption_leaves_no_folder_and_fails(
    runs: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def wrong(folder: Path, samples: list[Sample], base: str | None) -> list[str]:
        first, *rest = plain_captions(folder, samples, base)
        return [f"{first} and more", *rest]

    monkeypatch.setattr("balcap.exporting.checking.plain_captions", wrong)
    out = tmp_path / "model"
    assert main(["export", str(runs["llava-1.5 full"]), "--out", str(out), "--check", "2"]) == 1
    told = capsys.readouterr().out
    assert "plain transformers writes another caption of shapes-0-held-out-0" in told
    assert list(tmp_path.iterdir()) == []


class Hub:
    """The part of the hub's client that an upload needs."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def create_repo(self, repository: str, **given: Any) -> None:
        self.calls.append(("create", (repository, given["private"])))

    def upload_folder(self, *, folder_path: str, repo_id: str) -> None:
        files = sorted(path.name for path in Path(folder_path).iterdir())
        self.calls.append(("upload", (repo_id, "README.md" in files)))


def test_a_push_needs_a_token_before_anything_is_made_and_uploads_the_folder(
    runs: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hub = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    words = ["export", str(runs["llava-1.5 full"]), "--out", str(tmp_path / "m"), "--check", "0"]
    words += ["--push", "me/mine", "--private"]
    assert main(words) == 2
    assert "no token of the hub; log in first" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "a token")
    assert main(words) == 0
    assert hub.calls == [("create", ("me/mine", True)), ("upload", ("me/mine", True))]
    assert "https://huggingface.co/me/mine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["export"], "no run; write one: balcap export runs/second --out my-captioner"),
        (["export", "RUN"], "no folder for the model; write one: --out my-captioner"),
        (["export", "nowhere", "--out", "OUT"], "no run in 'nowhere'"),
        (["export", "RUN", "--out", "FULL"], "is there and not empty; name another folder"),
        (["export", "RUN", "--out", "OUT", "--push", "mine"], "push is 'mine'; write NAME/MODEL"),
        (["export", "MOVED", "--out", "OUT"], "leave the check out with --check 0"),
    ],
)
def test_a_mistake_is_one_message(
    words: list[str],
    message: str,
    runs: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "a-file").touch()
    moved = shutil.copytree(runs["llava-1.5 full"], tmp_path / "moved")
    config = yaml.safe_load((moved / "config.yaml").read_text())
    (moved / "config.yaml").write_text(yaml.safe_dump(config | {"data": "records:gone.jsonl"}))
    places = {
        "RUN": runs["llava-1.5 full"], "OUT": tmp_path / "out", "FULL": full, "MOVED": moved,
    }  # fmt: skip
    assert main([str(places.get(word, word)) for word in words]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
