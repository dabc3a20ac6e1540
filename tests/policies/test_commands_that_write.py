"""Every command that writes captions without a trainer: where, and by which weights?"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from balcap import distributed
from balcap.cli import main
from balcap.policies import generation
from balcap.types import Caption, Sample
from helpers.training import command

COMMANDS = {
    "images": lambda policy, out: ["caption", "--policy", policy, f"{out}/0.png"],
    "data": lambda policy, out: [
        "caption", "--policy", policy, "--data", "shapes", "--limit", "2", "--out", f"{out}/data",
    ],
    "eval": lambda policy, out: [
        "eval", "grounding", "--policy", policy, "--limit", "2", "--out", f"{out}/eval",
    ],
    "dry run": lambda policy, out: command(Path(policy), Path(out) / "run", "--dry-run"),
}  # fmt: skip


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Kind of device of the weights, for each batch; nothing is computed on them."""
    found = []

    def one_batch(policy: Any, samples: Sequence[Sample], *_: Any) -> list[Caption]:
        found.append(policy.model.device.type)
        return [Caption(sample, "A red circle.", 4, True) for sample in samples]

    monkeypatch.setattr(generation, "_one_batch", one_batch)
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_captions_are_written_on_the_processs_own_device(
    name: str,
    devices: list[str],
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Torch's device without memory stands for a GPU."""
    import torch

    state = SimpleNamespace(device=torch.device("meta"), process_index=0, num_processes=1)
    monkeypatch.setattr(distributed, "state", lambda: state)
    Image.new("RGB", (56, 56)).save(tmp_path / "0.png")
    assert main(COMMANDS[name](str(fresh_policies["qwen2.5-vl"]), str(tmp_path))) == 0
    assert set(devices) == {"meta"}


def test_an_evaluation_does_not_go_on_with_other_weights(
    devices: list[str],
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy = shutil.copytree(fresh_policies["qwen2.5-vl"], tmp_path / "policy")
    words = COMMANDS["eval"](str(policy), str(tmp_path))
    assert main(words) == 0
    assert main(words) == 0
    with (policy / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"!")
    assert main(words) == 2
    assert "with weights.policy.model.safetensors = " in capsys.readouterr().err
