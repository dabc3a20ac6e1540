"""Has the training diverged? Then it stops before the broken weights become a checkpoint."""

from __future__ import annotations

import math
from typing import Any

import torch
from transformers import TrainerCallback

from balcap.errors import RunError


class DivergedError(RunError):
    """Loss, gradient or weights are not finite; the last checkpoint is from before that."""


class StopAtDivergence(TrainerCallback):  # type: ignore[misc]  # transformers' base is untyped
    """Looks at loss and gradient norm each step, and at the weights before each checkpoint."""

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Any = None, model: Any = None, **_: Any
    ) -> None:
        """Raise before the step is saved; transformers logs first. The same on all processes.

        Raises:
            DivergedError: names what is not finite, with loss, gradient norm and learning rate.
        """
        if "loss" not in logs:
            return
        seen = {name: float(logs[name]) for name in ("loss", "grad_norm") if name in logs}
        broken = [name for name, value in seen.items() if not math.isfinite(value)]
        if control.should_save and not all(torch.isfinite(p).all() for p in model.parameters()):
            broken.append("weights")
        if broken:
            values = ", ".join(f"{name} {value:.3g}" for name, value in seen.items())
            raise DivergedError(
                f"step {state.global_step} diverged: {' and '.join(broken)} not finite ({values}, "
                f"learning rate {args.learning_rate:g}). This step is not saved; go on from the "
                f"checkpoint before it with --resume, or start again with a smaller --lr"
            )
