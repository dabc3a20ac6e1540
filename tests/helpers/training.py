"""A short training by `balcap train`: its command line, and what two such runs have in common."""

import shutil
from pathlib import Path

import pandas as pd

from balcap.runs.folder import RunFolder

HEADS = Path(__file__).with_name("heads.py")


def head(name: str) -> str:
    return f"{HEADS}:{name}"


def command(policy: Path, run: Path, *more: str) -> list[str]:
    """A short training that needs no embeddings."""
    return [
        "train", "--policy", str(policy), "--run", str(run),
        "--rewards", f"{head('Letters')},{head('Brief')}", "--eval-rewards", "", "--gate", "none",
        "--shapes.train", "40", "--eval-samples", "4", "--eval-batch", "4",
        "--group-size", "4", "--batch", "8", "--steps", "4", "--save-every", "2",
        "--max-tokens", "8", "--lr", "1e-3", "--gradient-checkpointing", "false", *more,
    ]  # fmt: skip


def without_seconds(run: RunFolder) -> list[dict[str, float | None]]:
    return [
        {name: value for name, value in row.items() if not name.startswith("seconds")}
        for row in run.read_metrics()
    ]


def cut(run: RunFolder) -> RunFolder:
    """A copy of such a run that has lost what came after its checkpoint of step 2."""
    copy = RunFolder(run.path.with_name(f"{run.path.name} cut"))
    shutil.copytree(run.path, copy.path)
    shutil.rmtree(copy.last_checkpoint())
    assert copy.last_step() == 2
    return copy


def check_same(whole: RunFolder, resumed: RunFolder) -> None:
    """To the last bit: metrics, rollouts and weights."""
    assert resumed.last_step() == whole.last_step() == 4
    assert without_seconds(resumed) == without_seconds(whole)
    for file in whole.rollouts.iterdir():
        assert pd.read_parquet(resumed.rollouts / file.name).equals(pd.read_parquet(file))
    assert _weights(resumed) == _weights(whole)


def _weights(run: RunFolder) -> dict[str, bytes]:
    folder = run.last_checkpoint()
    return {file.name: file.read_bytes() for file in folder.glob("*.safetensors")}
