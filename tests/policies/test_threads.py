"""Few threads for a small policy on a CPU, whatever the machine is doing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from balcap.config import ModelSettings
from balcap.policies import load, threads
from balcap.runs import provenance
from helpers.runs import write_run


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(threads, "_now", None)
    torch.set_num_threads(2)
    threads._by_itself.cache_clear()
    yield
    threads._by_itself.cache_clear()
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
    monkeypatch.setenv(threads.SHARED, "1")  # it was a sweep that said so, not the user
    threads.set_threads(Model(2, 2))
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(("parameters", "left"), [(6, 1), (5, 2)])
def test_a_large_policy_keeps_them(
    monkeypatch: pytest.MonkeyPatch, parameters: int, left: int
) -> None:
    """2 x 2 weights and 2 biases are 6 parameters."""
    monkeypatch.setattr(threads, "SMALL", parameters)
    threads.set_threads(Model(2, 2))
    assert torch.get_num_threads() == left


def test_a_large_policy_gets_back_what_a_small_one_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of a training's settings loads a small policy before that of the training."""
    threads.set_threads(Model(2, 2))
    assert torch.get_num_threads() == 1
    monkeypatch.setattr(threads, "SMALL", 5)
    threads.set_threads(Model(2, 2))
    assert torch.get_num_threads() == 2


def test_it_learns_with_two_where_they_sleep_while_they_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    threads.set_threads(Model(2, 2))
    assert torch.get_num_threads() == 1
    threads.learn()
    assert torch.get_num_threads() == 2
    threads.write()
    assert torch.get_num_threads() == 1


def test_it_learns_with_one_where_they_spin() -> None:
    threads.set_threads(Model(2, 2))
    threads.learn()
    assert torch.get_num_threads() == 1


def test_a_resumed_run_learns_with_the_threads_that_it_had(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run")
    provenance.record(run)
    threads.set_threads(Model(2, 2))
    threads.continue_threads(run)  # nothing is known of a run of an older balcap
    threads.learn()
    assert torch.get_num_threads() == 1
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    threads.set_threads(Model(2, 2))
    threads.keep_threads(run)  # two
    monkeypatch.delenv("OMP_WAIT_POLICY")
    provenance.record(run)
    threads.set_threads(Model(2, 2))
    threads.continue_threads(run)
    assert torch.get_num_threads() == 1
    threads.learn()
    assert torch.get_num_threads() == min(2, os.cpu_count() or 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    threads.continue_threads(run)
    assert torch.get_num_threads() == 1


def test_few_threads_are_said_and_written_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run")
    provenance.record(run)
    threads.keep_threads(run)
    assert capsys.readouterr().out == ""
    threads.set_threads(Model(2, 2))
    threads.keep_threads(run)
    assert "writes with 1 thread and learns with 1, as the policy" in capsys.readouterr().out
    assert provenance.starts(run)[0]["threads"] == 1
