"""The settings of `balcap sweep` and `balcap sweep show`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from balcap.config.checks import NOT_GIVEN, at_least, counts, must_be_given


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """Which sweep, and how its runs are started.

    Attributes:
        file: a wandb sweep file.
        dir: folder of the sweep, in which every run has its own; default: `runs/` and the file's
            name. The same command again continues a sweep that was stopped.
        jobs: runs at the same time. Unless OMP_NUM_THREADS is set, they share the processors
            evenly, and a small policy takes one of its share; where CUDA_VISIBLE_DEVICES names
            several GPUs, they share these too.
        runs: number of runs; default: the file's `run_cap`, and for a grid all of it.
        seed: of the random draws and of the search.
        plan: print the commands of the runs that are missing, one a line, and run nothing.
    """

    file: Path = field(default=NOT_GIVEN, metadata={"positional": "FILE"})
    dir: Path | None = None
    jobs: int = 1
    runs: int | None = None
    seed: int = 0
    plan: bool = False

    def __post_init__(self) -> None:
        must_be_given(
            self.file, "no sweep file; write one: balcap sweep experiments/sweeps/rewards.yaml"
        )
        counts(self, "jobs", "runs")
        at_least("seed", self.seed, 0)

    @property
    def folder(self) -> Path:
        """The sweep's folder."""
        return self.dir or Path("runs") / self.file.stem


@dataclass(frozen=True, kw_only=True)
class SweepShowSettings:
    """Which runs are shown.

    Attributes:
        folder: of a sweep, or any folder that holds runs.
    """

    folder: Path = field(default=NOT_GIVEN, metadata={"positional": "DIR"})

    def __post_init__(self) -> None:
        must_be_given(self.folder, "no folder of runs; write one: balcap sweep show runs/rewards")
