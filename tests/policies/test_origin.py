"""A run holds to what it began with: anything else is refused before a model is loaded."""

import json
import shutil
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.policies import locate
from balcap.policies.origin import Origin
from balcap.runs.folder import RunFolder
from helpers.training import command

STEPS = ["--steps", "2"]


@pytest.fixture
def policy(fresh_policies: dict[str, Path], tmp_path: Path) -> Path:
    """A policy's folder that a test may spoil."""
    return shutil.copytree(fresh_policies["llava-1.5"], tmp_path / "policy")


def trained(policy: Path | str, run: Path, *more: str) -> RunFolder:
    assert main(command(Path(policy), run, *STEPS, *more)) == 0
    return RunFolder(run)


def unfinished(run: RunFolder) -> list[str]:
    """Take the last evaluation away, so that there is something to resume; the command."""
    whole = run.read_json(run.summary)
    run.write_json(run.summary, {name: whole[name] for name in ("before", "before_greedy")})
    return ["train", "--resume", str(run.path)]


def test_the_record_is_absolute(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is another one from elsewhere; with a single slash it is even a hub id."""
    (tmp_path / "models").mkdir()
    policy.rename(tmp_path / "models" / "m")
    monkeypatch.chdir(tmp_path)
    run = trained("models/m", Path("run"), "--lora.rank", "2")
    kept = Origin.read(RunFolder(tmp_path / "run"))
    assert kept is not None
    assert kept.policy == "models/m"
    assert kept.source == str(tmp_path / "models" / "m")
    assert list(kept.sha256) == ["model.safetensors"]
    config = json.loads((run.last_checkpoint() / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tmp_path / "models" / "m")
    monkeypatch.chdir("/")
    assert main(unfinished(RunFolder(tmp_path / "run"))) == 0


def test_changed_weights_are_refused(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(policy, tmp_path / "run")
    with (policy / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"!")
    assert main(unfinished(run)) == 2
    assert "model.safetensors" in capsys.readouterr().err
    (policy / "model.safetensors").unlink()
    assert main(unfinished(run)) == 2
    assert "is not what it was" in capsys.readouterr().err
    shutil.rmtree(policy)
    assert main(unfinished(run)) == 2
    assert "is gone" in capsys.readouterr().err


def test_a_run_of_a_run_holds_to_its_checkpoint(policy: Path, tmp_path: Path) -> None:
    """The first run goes on in between: its newest checkpoint is another one by then."""
    first = trained(policy, tmp_path / "first")
    second = trained(first.path, tmp_path / "second", "--beta", "0.1")
    shutil.copytree(first.last_checkpoint(), first.checkpoints / "checkpoint-9")
    assert locate(str(first.path)).source.endswith("checkpoint-9")
    kept = Origin.read(second)
    assert kept is not None
    assert kept.source == str(first.checkpoints / "checkpoint-2")


def test_a_run_from_before_there_were_records_goes_on(policy: Path, tmp_path: Path) -> None:
    run = trained(policy, tmp_path / "run")
    (run.path / "origin.json").unlink()
    assert main(unfinished(run)) == 0


def test_a_hub_id_is_held_to_its_commit(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub's cache as it lies on disk, with a newer commit beside the one that a run had."""
    import huggingface_hub.constants

    repository = tmp_path / "hub" / "models--some--captioner"
    for commit in ("a" * 40, "b" * 40):
        shutil.copytree(policy, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    found = locate("some/captioner")
    assert (found.source, found.revision) == ("some/captioner", "a" * 40)
    kept = Origin.of("some/captioner", found)
    (repository / "refs" / "main").write_text("b" * 40)
    assert kept.verified().revision == "a" * 40


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--lora.rank", "8"], "lora.rank is 8, and the adapter of policy"),
        (["--lora.rank", "2", "--lora.dropout", "0.5"], "lora.dropout is 0.5"),
        (["--lora.rank", "2", "--lora.targets", "q_proj"], "lora.targets is q_proj"),
    ],
)
def test_an_adapter_of_another_form_is_refused(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    first = trained(policy, tmp_path / "first", "--lora.rank", "2", "--lora.targets", "v_proj")
    assert main(command(first.path, tmp_path / "second", *STEPS, *more)) == 2
    message = capsys.readouterr().err
    assert said in message
    assert "--lora.merge" in message


def test_an_adapter_goes_on_as_it_is(policy: Path, tmp_path: Path) -> None:
    first = trained(policy, tmp_path / "first", "--lora.rank", "2", "--lora.dropout", "0.25")
    second = trained(first.path, tmp_path / "second")
    config = json.loads((second.last_checkpoint() / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (2, 4, 0.25)
    assert "rank: 2" in second.config.read_text()


def test_a_merged_adapter_is_part_of_the_weights(policy: Path, tmp_path: Path) -> None:
    """Merged, and trained with a learning rate too small to move anything: equal captions."""
    first = trained(policy, tmp_path / "first", "--lora.rank", "2", "--lr", "1e-2")
    still = ["--lora.merge", "--lora.rank", "4", "--lr", "1e-30"]
    second = trained(first.path, tmp_path / "second", *still)
    kept = Origin.read(second)
    assert kept is not None
    assert (kept.source, kept.adapter) == (str(second.path / "base"), None)
    after = first.read_json(first.summary)["after_greedy"]
    assert second.read_json(second.summary)["before_greedy"] == after


def test_there_must_be_something_to_merge(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(policy, tmp_path / "run", "--lora.merge")) == 2
    assert "has no adapter to merge" in capsys.readouterr().err
