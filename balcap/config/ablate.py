"""The settings of `balcap ablate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from balcap.config.checks import at_least, counts


@dataclass(frozen=True, kw_only=True)
class AblateSettings:
    """Which trainings are compared, and how long each of them is.

    Attributes:
        cells: only these, comma separated, and the reference cell; default: all. `--dry-run` lists
            them.
        seeds: how often each cell is trained, at least 2: seeds 0, 1, 2 and so on, the same in
            every cell. A verdict needs 5.
        steps: updates of the policy in each run. Ours: 40 runs in less than an hour on two cores.
        eval_samples: number of held-out samples, the same in every run.
        jobs: runs at the same time; see `balcap sweep`.
        out: folder of the runs and of `ablate.md` and `ablate.json`. The same command again goes on
            where it stopped; more cells or seeds are added to what is there.
        dry_run: list the cells and how long they would take, and run nothing.
    """

    cells: tuple[str, ...] = ()
    seeds: int = 5
    steps: int = 100
    eval_samples: int = 150
    jobs: int = 2
    out: Path = Path("runs/ablate")
    dry_run: bool = False

    def __post_init__(self) -> None:
        at_least("seeds", self.seeds, 2)
        counts(self, "steps", "eval_samples", "jobs")
