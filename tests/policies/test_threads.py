"""One thread for a small policy on a CPU, whatever the machine is doing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from balcap.config import ModelSettings
from balcap.policies import load, threads


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Model(nn.Linear):
    device = torch.device("cpu")


def test_loading_a_small_policy_leaves_torch_one_thread(fresh_policies: dict[str, Path]) -> None:
    load(ModelSettings(policy=str(fresh_policies["llava-1.5"])))
    assert torch.get_num_threads() == 1


def test_who_says_how_many_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    threads.set_threads(Model(2, 2))
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("parameters", "left"), [(6, 1), (5, 2)])
def test_a_large_policy_keeps_them(
    monkeypatch: pytest.MonkeyPatch, parameters: int, left: int
) -> None:
    """2 x 2 weights and 2 biases are 6 parameters."""
    monkeypatch.setattr(threads, "SMALL", parameters)
    threads.set_threads(Model(2, 2))
    assert torch.get_num_threads() == left
