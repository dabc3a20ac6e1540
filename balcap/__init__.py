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

    __version__: str

__all__ = ["RewardMatrix", "__version__", "advantages", "gate", "length_penalty"]

_HOMES = {
    "RewardMatrix": "balcap.advantage.matrix",
    "advantages": "balcap.advantage.normalizers",
    "gate": "balcap.advantage.gates",
    "length_penalty": "balcap.advantage.gates",
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
