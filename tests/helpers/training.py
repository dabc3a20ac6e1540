"""A short training by `balcap train`: its command line, and what two such runs have in common."""

from pathlib import Path

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
