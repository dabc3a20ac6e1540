"""balcap: balanced multi-reward reinforcement learning for image captioners.

The names below are loaded when they are first used, so that `import balcap` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from balcap.advantage.gates import gate, length_penalty
    from balcap.advantage.matrix import RewardMatrix
    from balcap.advantage.normalizers import advantages
    from balcap.api import Trained, train
    from balcap.heads import Head
    from balcap.training.grpo import CaptionTrainer
    from balcap.types import Caption, Question, Sample, Score, Unscored

    __version__: str

__all__ = [
    "Caption",
    "CaptionTrainer",
    "Head",
    "Question",
    "RewardMatrix",
    "Sample",
    "Score",
    "Trained",
    "Unscored",
    "__version__",
    "advantages",
    "gate",
    "length_penalty",
    "train",
]

_HOMES = {
    "Caption": "balcap.types",
    "CaptionTrainer": "balcap.training.grpo",
    "Head": "balcap.heads",
    "Question": "balcap.types",
    "RewardMatrix": "balcap.advantage.matrix",
    "Sample": "balcap.types",
    "Score": "balcap.types",
    "Trained": "balcap.api",
    "Unscored": "balcap.types",
    "advantages": "balcap.advantage.normalizers",
    "gate": "balcap.advantage.gates",
    "length_penalty": "balcap.advantage.gates",
    "train": "balcap.api",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("balcap")
    if name not in _HOMES:
        raise AttributeError(f"module 'balcap' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "__version__"})
