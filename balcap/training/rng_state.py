"""Which random numbers come next? Kept, and put back."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True, slots=True)
class RngState:
    """The states of every generator that a training draws from, in this process."""

    python: Any
    numpy: Any
    torch: Any
    cuda: list[Any]


def now() -> RngState:
    """The states as they are."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return RngState(random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda)


def restore(rng: RngState) -> None:
    """Draw from here on what was drawn from there on."""
    random.setstate(rng.python)
    np.random.set_state(rng.numpy)
    torch.set_rng_state(rng.torch)
    if rng.cuda:
        torch.cuda.set_rng_state_all(rng.cuda)
