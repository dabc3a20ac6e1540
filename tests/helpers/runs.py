"""Runs for tests: one written by hand in no time, and a short training of a random policy."""

from pathlib import Path

import yaml

from balcap.advantage.rule import AdvantageRule
from balcap.config import TrainSettings, plain
from balcap.runs.folder import RunFolder
from balcap.runs.rollouts import Rollouts, Row

HEADS = Path(__file__).with_name("heads.py")
SCORES: list[tuple[float | None, ...]] = [(0.2, 0.9), (0.4, None), (0.6, 0.1), (0.8, 0.3)]


def write_run(
    path: Path,
    *,
    steps: int = 2,
    after: dict[str, float] | None = None,
    scores: list[tuple[float | None, ...]] = SCORES,
    **settings: object,
) -> RunFolder:
    """A run of heads qa and cov with two groups of two captions a step, as balcap writes it."""
    chosen = TrainSettings(rewards="qa,cov", gate="none", steps=10, **settings).resolved()  # type: ignore[arg-type]
    run = RunFolder(path)
    run.create(yaml.safe_dump(plain(chosen)))
    rule = AdvantageRule.of(chosen, {"qa": 1.0, "cov": 1.0})
    for step in range(1, steps + 1):
        rows = [
            Row(f"s{i // 2}", i // 2, f"caption {i}", 3, 2, 1.0, cells, _reasons(cells))
            for i, cells in enumerate(scores)
        ]
        run.add_rollouts(step, Rollouts.of(["qa", "cov"], rows, rule).columns(step))
        run.add_metrics(step, {"loss": step / 10, "corr/qa~cov": None})
    side = {"qa": 0.5, "cov": 0.25, "harmonic_mean": 1 / 3, "scored": {"qa": 4, "cov": 3}}
    summary: dict[str, object] = {"before": side}
    if after is not None:
        summary |= {"after": {**side, **after}, "steps": steps, "seconds": 1.5}
        summary |= {"train_seconds": 1.0, "interrupted": False}
    run.write_json(run.summary, summary)
    held_out = [{"sample": "h", "caption": "a star", "scores": {"qa": 0.5, "cov": None}}]
    run.write_json(run.captions, {"before": held_out})
    return run


def _reasons(cells: tuple[float | None, ...]) -> tuple[str | None, ...]:
    return tuple("no answer" if cell is None else None for cell in cells)


def train_briefly(policy: Path, path: Path, *more: str) -> RunFolder:
    """Three steps with a gate that some captions fail, and a head that leaves cells unscored."""
    from balcap.cli import main

    rewards = ",".join(f"{HEADS}:{name}" for name in ("Letters=2", "Picky", "Brief"))
    arguments = [
        "train", "--policy", str(policy), "--run", str(path), "--rewards", rewards,
        "--eval-rewards", "", "--gate-heads", "brief", "--gate-low", "0.06",
        "--shapes.train", "40", "--eval-samples", "0", "--group-size", "4", "--batch", "8",
        "--steps", "3", "--save-every", "3", "--max-tokens", "8", "--lr", "1e-3",
        "--gradient-checkpointing", "false", *more,
    ]  # fmt: skip
    assert main(arguments) == 0
    return RunFolder(path)


def cut(path: Path, share: float = 0.5) -> None:
    """Leave only the first part of a file, as a crash might."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
