"""`balcap train --dry-run`, and what is refused before a model is loaded."""

import json
from pathlib import Path

import pytest

from balcap.cli import main
from helpers.training import command


def test_a_dry_run_scores_one_batch_and_writes_nothing(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = command(fresh_policies["qwen2.5-vl"], tmp_path / "run", "--dry-run")
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "reward/letters/mean" in out
    assert "nothing trained" in out
    assert not (tmp_path / "run").exists()


def conversations(path: Path, count: int) -> list[str]:
    """A ShareGPT4V-style file with pictures."""
    from PIL import Image

    rows = []
    for number in range(count):
        Image.new("RGB", (60, 40), (number * 20, 80, 120)).save(path / f"{number}.png")
        turns = [
            {"from": "human", "value": "<image>\nDescribe it."},
            {"from": "gpt", "value": f"A plain picture, number {number}. It has one colour."},
        ]
        rows.append({"id": f"r{number}", "image": f"{number}.png", "conversations": turns})
    (path / "captions.json").write_text(json.dumps(rows))
    return ["--data", f"conversations:{path / 'captions.json'}", "--image-root", str(path)]


def test_that_nothing_is_held_out_of_one_image_is_told(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = conversations(tmp_path, 12)
    for number in range(1, 12):  # twelve names of one picture
        (tmp_path / f"{number}.png").write_bytes((tmp_path / "0.png").read_bytes())
    assert main([*command(fresh_policies["llava-1.5"], tmp_path / "run", "--dry-run"), *words]) == 0
    told = capsys.readouterr().out
    assert "none held out: all samples are of one image" in told
    assert "11 images are another one under another name" in told


@pytest.mark.parametrize("family", ["qwen2.5-vl", "llava-1.5"])
def test_a_users_model_and_data_train(
    family: str, fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    """The third line of the README's promise, with heads that need references."""
    arguments = [
        "train", "--policy", str(fresh_policies[family]), *conversations(tmp_path, 12),
        "--rewards", "cov,fluency", "--group-size", "4", "--steps", "3",
        "--run", str(tmp_path / "run"),
    ]  # fmt: skip
    assert main(arguments) == 0
    # ten samples are left for training: the default batch of 256 is lowered to 40; references of 9
    # words: the default of 1024 tokens is lowered to 72
    settings = (tmp_path / "run" / "config.yaml").read_text()
    assert "batch: 40\n" in settings
    assert "max_tokens: 72\n" in settings
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    # a fifth of 12 rows is held out; qa, which the data cannot serve, is not among the scores
    assert summary["after"]["scored"] == {"cov": 2, "fluency": 2}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--rewards", "qa"], "head 'qa' needs questions"),
        (["--batch", "64", "--micro-batch", "7"], "micro_batch is 7"),
        (["--batch", "400"], "fewer than the 100 that one batch"),
        (["--policy", "./nowhere"], "no policy './nowhere'"),
        (["--rollout.engine", "vllm-colocate"], "pip install 'balcap[vllm]'"),
    ],
)
def test_what_does_not_fit_the_data_is_refused(
    more: list[str],
    message: str,
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "balcap.training.engine_check.find_spec", lambda name: None
    )  # as where vllm is missing
    monkeypatch.setattr("balcap.policies.load", lambda *_: pytest.fail("a model was loaded"))
    arguments = [
        "train", "--policy", str(fresh_policies["llava-1.5"]), *conversations(tmp_path, 12),
        "--rewards", "fluency", "--group-size", "4", *more,
    ]  # fmt: skip
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_gate_without_references_says_how_to_turn_it_off(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conversations(tmp_path, 4)
    rows = [{"image": f"{n}.png", "facts": ["It is plain."]} for n in range(4)]
    (tmp_path / "facts.json").write_text(json.dumps(rows))
    arguments = [
        "train", "--policy", str(fresh_policies["llava-1.5"]), "--rewards", "fluency",
        "--data", f"records:{tmp_path / 'facts.json'}", "--group-size", "4", "--batch", "4",
    ]  # fmt: skip
    assert main(arguments) == 2
    assert "--gate none" in capsys.readouterr().err
