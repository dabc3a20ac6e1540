"""A run's folder: what is where, written so that a crash loses at most the step in flight.

    RUN/config.yaml               resolved settings; loading them again repeats the run
    RUN/code.json                 commit, changes, versions, hashes, for each start
    RUN/metrics.jsonl             one line a step
    RUN/rollouts/step_000012.parquet   one row a caption
    RUN/checkpoints/checkpoint-50 weights, optimiser, random state
    RUN/captions.json             held-out captions before and after
    RUN/captions-during.json      with --captions-every: captions of a few of them, by step
    RUN/summary.json              scores before and after, and their change with paired intervals
    RUN/curves.png

Imports no torch. Files appear whole or not at all: each is written beside its place and renamed.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from balcap.atomic import atomic_write
from balcap.errors import RunError, UserError


class RunFolder:
    """The files of one run. Making the object touches nothing on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.metrics = path / "metrics.jsonl"
        self.rollouts = path / "rollouts"
        self.checkpoints = path / "checkpoints"
        self.captions = path / "captions.json"
        self.captions_during = path / "captions-during.json"
        self.summary = path / "summary.json"
        self.curves = path / "curves.png"

    @staticmethod
    def new_path(name: str) -> Path:
        """`runs/<date>-<time>-<name>-<four letters>`: runs started together stay apart."""
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        return Path("runs") / f"{stamp}-{name}-{secrets.token_hex(2)}"

    def exists(self) -> bool:
        """Whether the folder is a run's."""
        return self.config.is_file()

    def check_free(self) -> None:
        """Raise UserError if a run is already there."""
        if self.exists():
            raise UserError(
                f"{self.path} already holds a run; continue it with --resume {self.path}, "
                "or name another folder with --run"
            )

    def create(self, config: str) -> None:
        """Make the folder and write its settings.

        Raises:
            UserError: if a run is already there, or the folder cannot be made.
        """
        self.check_free()
        try:
            self.rollouts.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot make the run folder {self.path}: {error.strerror}; "
                "name another folder with --run"
            ) from error
        try:
            with self.whole(self.config) as file:
                file.write(config.encode())
        except RunError as error:
            raise UserError(
                f"cannot write into the run folder {self.path}: {error}; name another with --run"
            ) from error

    @contextmanager
    def whole(self, path: Path) -> Iterator[IO[bytes]]:
        """Open a file for writing that appears under its name only when it is complete.

        Raises:
            RunError: if the disk is full.
        """
        try:
            with atomic_write(path) as file:
                yield file
        except OSError as error:
            raise RunError(
                f"cannot write {path}: {error.strerror}; what was written before is kept. "
                f"Make room and continue with: balcap train --resume {self.path}"
            ) from error

    def write_json(self, path: Path, content: Any) -> None:
        """Write a JSON file, whole."""
        with self.whole(path) as file:
            file.write((json.dumps(content, indent=1, allow_nan=False) + "\n").encode())

    def add_metrics(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Append one step's metrics."""
        line = json.dumps({"step": step, **metrics}, allow_nan=False)
        try:
            with self.metrics.open("a") as file:
                file.write(line + "\n")
        except OSError as error:
            raise RunError(f"cannot write {self.metrics}: {error.strerror}") from error

    def read_metrics(self) -> list[dict[str, float | None]]:
        """All steps' metrics; a last line cut short by a crash is left out."""
        if not self.metrics.is_file():
            return []
        rows = []
        for line in self.metrics.read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return rows

    def add_rollouts(self, step: int, columns: Mapping[str, Sequence[Any]]) -> None:
        """Write one step's captions, a row each."""
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        with self.whole(self.rollouts / f"step_{step:06d}.parquet") as file:
            parquet.write_table(arrow.table(dict(columns)), file, compression="zstd")

    def newest_checkpoint(self) -> Path | None:
        """The folder of the newest whole checkpoint, or None: one that was cut short is none.

        The trainer's state is the last file of a checkpoint, so a whole one has it whole.
        """
        states = sorted(self.checkpoints.glob("checkpoint-*/trainer_state.json"), key=_step_of)
        return next((state.parent for state in reversed(states) if _is_json(state)), None)

    def last_checkpoint(self) -> Path:
        """The newest checkpoint's folder.

        Raises:
            UserError: if the run has none yet.
        """
        newest = self.newest_checkpoint()
        if newest is None:
            raise UserError(
                f"{self.path} has no checkpoint yet; wait for its first, or resume its "
                f"training: balcap train --resume {self.path}"
            )
        return newest

    def last_step(self) -> int:
        """The step of the newest checkpoint; 0 before the first."""
        newest = self.newest_checkpoint()
        return int(newest.name.rpartition("-")[2]) if newest else 0

    def read_json(self, path: Path) -> dict[str, Any]:
        """One of the run's JSON files; empty if it is not there yet."""
        content: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
        return content

    def add_json(self, path: Path, entries: Mapping[str, Any]) -> dict[str, Any]:
        """Add entries to one of the run's JSON files; returns all of it."""
        whole = {**self.read_json(path), **entries}
        self.write_json(path, whole)
        return whole

    def rewind(self, step: int) -> None:
        """Forget what was written after a step: a resumed run writes it again."""
        kept = [row for row in self.read_metrics() if (row["step"] or 0) <= step]
        with self.whole(self.metrics) as file:
            file.write("".join(json.dumps(row) + "\n" for row in kept).encode())
        for rollout in self.rollouts.glob("step_*.parquet"):
            if int(rollout.stem.removeprefix("step_")) > step:
                rollout.unlink()
        if during := self.read_json(self.captions_during):
            kept_captions = {at: rows for at, rows in during.items() if int(at) <= step}
            self.write_json(self.captions_during, kept_captions)


def _step_of(state: Path) -> int:
    return int(state.parent.name.rpartition("-")[2])


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_text())
    except (OSError, ValueError):
        return False
    return True
