"""How long does a step of a trainer take?"""

from __future__ import annotations

import time
from typing import Any

from transformers import TrainerCallback

from balcap.policies import Policy


class StepTimes(TrainerCallback):
    """Whole steps, from one step's end to the next: the drawing of the batch included.

    Args:
        seconds: receives those of every step but the first.
    """

    def __init__(self, seconds: list[float]) -> None:
        self.seconds = seconds
        self.last = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        now = time.perf_counter()
        if self.last:
            self.seconds.append(now - self.last)
        self.last = now


def writes_plainly(policy: Policy) -> Policy:
    """The policy with transformers' loop, as whoever does not use balcap has it."""
    vars(policy.model).pop("generate", None)
    return policy
