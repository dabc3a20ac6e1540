"""Has the training diverged? Then it stops before the broken weights become a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from transformers import TrainerCallback

from balcap import distributed
from balcap.errors import RunError

NOT_A_DISTRIBUTION = "probability tensor contains"
"""How torch begins to say that the policy's next-token probabilities are not finite."""

Metrics = Mapping[str, float | None]


class DivergedError(RunError):
    """Loss, gradient, weights or the policy's probabilities are not finite."""


class StopAtDivergence(TrainerCallback):  # type: ignore[misc]  # transformers' base is untyped
    """Looks at loss and gradient norm each step, and at the weights before each checkpoint.

    Args:
        metrics: the newest metrics of this process; empty on those that keep none.
    """

    def __init__(self, metrics: Callable[[], Metrics] = dict) -> None:
        self._metrics = metrics

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Any = None, model: Any = None, **_: Any
    ) -> None:
        """Raise before the step is saved: transformers logs first. The same on all processes.

        Raises:
            DivergedError: names what is not finite, and what may have made it so.
        """
        if "loss" not in logs:
            return
        seen = {name: float(logs[name]) for name in ("loss", "grad_norm") if name in logs}
        broken = [name for name, value in seen.items() if not math.isfinite(value)]
        if control.should_save and not all(distributed.everyones(_finite(model))):
            broken.append("weights")
        if broken:
            values = [f"{name} {value:.3g}" for name, value in seen.items()]
            raise DivergedError(
                f"step {state.global_step} diverged: {' and '.join(broken)} not finite; "
                f"{self.facts(args.learning_rate, values)}. This step is not saved"
            )

    def facts(self, learning_rate: float, values: list[str] | None = None) -> str:
        """What a person wants to know first, from the newest metrics."""
        metrics = self._metrics()
        shares = {
            name.split("/")[1]: share
            for name, share in metrics.items()
            if name.endswith("/variance_share") and share is not None
        }
        said = [*(values or []), f"peak learning rate {learning_rate:g}"]
        if (gain := metrics.get("advantage/gain")) is not None:
            said.append(f"advantage/gain {gain:.3g}")
        if shares:
            loudest = max(shares, key=lambda head: shares[head])
            said.append(f"most of the advantage is {loudest}'s ({shares[loudest]:.0%})")
        return ", ".join(said)


def _finite(model: torch.nn.Module) -> bool:
    return all(bool(torch.isfinite(p).all()) for p in model.parameters())
