"""What does a checkpoint keep of a batch that is written and waits for its update?

    checkpoint-50/ahead_0_of_2.pt    of process 0 of 2: the captions that step 51 learns from

The weights that wrote it are those before the checkpoint's last update, so it could not be written
again. What can be made again of the same captions (padding, pixels, scores) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from balcap.atomic import atomic_write


@dataclass(frozen=True)
class KeptBatch:
    """A process's share of a batch: N captions.

    Attributes:
        rows: [N]: index of the sample of each.
        ids: [N]: tokens of each, without padding.
        tensors: by TRL's name, what hangs on the weights that wrote them: log-probabilities, and
            with vLLM the factors that correct for its own. On the CPU.
        metrics: what TRL logged while it was written.
    """

    rows: list[int]
    ids: list[list[int]]
    tensors: dict[str, torch.Tensor]
    metrics: dict[str, list[float]]

    @staticmethod
    def of(
        rows: list[int],
        ids: list[list[int]],
        output: Mapping[str, Any],
        metrics: dict[str, list[float]],
    ) -> KeptBatch:
        """Pick from TRL's output what cannot be made again."""
        tensors = {
            name: value.cpu()
            for name, value in output.items()
            if name.endswith("logps") or name == "importance_sampling_ratio"
        }
        return KeptBatch(rows, ids, tensors, metrics)

    @staticmethod
    def path(checkpoint: Path, process: int, processes: int) -> Path:
        """Where it is kept: another number of processes shares batches out in another way."""
        return checkpoint / f"ahead_{process}_of_{processes}.pt"

    def write(self, path: Path) -> None:
        """Write it, whole.

        Raises:
            OSError: if it cannot be written.
        """
        with atomic_write(path) as file:
            torch.save(asdict(self), file)

    @staticmethod
    def read(path: Path) -> KeptBatch | None:
        """Read it; None if there is none."""
        if not path.is_file():
            return None
        return KeptBatch(**torch.load(path, weights_only=True))
