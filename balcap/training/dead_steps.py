"""Does the policy still learn anything? A training without any advantage is stopped."""

from __future__ import annotations

from typing import Any

import numpy as np
from transformers import TrainerCallback

from balcap.errors import UserError
from balcap.heads.scoring import commonest
from balcap.runs.rollouts import Rollouts


class NoAdvantageError(UserError):
    """For many steps no caption was better than another: the loss was 0 throughout."""


class StopWithoutAdvantage(TrainerCallback):  # type: ignore[misc]  # transformers' base is untyped
    """Counts steps in a row in which no caption has an advantage that reaches the loss.

    Args:
        most: that many in a row end the training; 0: they never do.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._in_a_row = 0
        self._newest: Rollouts | None = None

    def keep(self, rollouts: Rollouts) -> None:
        """Take note of a step's rollouts, which are the same on all processes."""
        self._newest = rollouts

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Count a step.

        Raises:
            NoAdvantageError: on all processes alike; says of each head what is the matter.
        """
        if "loss" not in logs or self._newest is None:
            return
        masked = args.mask_truncated_completions and logs.get("completions/clipped_ratio") == 1.0
        dead = masked or not np.any(self._newest.credit.advantage)
        self._in_a_row = self._in_a_row + 1 if dead else 0
        if self._most and self._in_a_row >= self._most:
            why = ALL_TRUNCATED if masked else "; ".join(_reasons(self._newest))
            raise NoAdvantageError(
                f"no caption had an advantage in the last {self._in_a_row} steps, so nothing is "
                f"learned: {why}. Change the rewards or the sampling, or go on all the same with "
                "--max-dead-steps 0"
            )


ALL_TRUNCATED = (
    "every caption was cut off at --max-tokens, and --trl.mask_truncated_completions leaves those "
    "out of the loss"
)


def _reasons(rollouts: Rollouts) -> list[str]:
    """What is the matter with each head."""
    return [_reason(rollouts, column, head) for column, head in enumerate(rollouts.heads)]


def _reason(rollouts: Rollouts, column: int, head: str) -> str:
    if not rollouts.matrix.scored[:, column].any():
        found = commonest(row.reasons[column] for row in rollouts.rows)
        return f"{head} scores no caption ({found[0] if found else 'no reason given'})"
    if not rollouts.credit.gated.scored[:, column].any():
        return f"the gate leaves out every score of {head}"
    if not rollouts.credit.per_head[:, column].any():
        return f"{head} does not tell the captions of a group apart"
    return f"{head} is outweighed to exactly 0 by the others"
