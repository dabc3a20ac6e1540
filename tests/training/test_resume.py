"""A run that was cut off and resumed is the run that was left alone, to the last bit.

Whatever is trained (all weights, new adapters, another run's adapters), with and without a KL term,
and one step ahead; in one process and in two.
"""

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.runs.folder import RunFolder
from helpers.training import check_same, command, cut

TESTS = Path(__file__).parents[1]
TRAINED = ("full", "lora", "lora on a run")
CELLS = [*product(TRAINED, (0.0, 0.1)), ("ahead", 0.0)]
LAUNCH = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]


@pytest.fixture(scope="module")
def adapted(fresh_policies: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose adapters have moved."""
    run = tmp_path_factory.mktemp("adapted") / "run"
    lora = ["--lora.rank", "4", "--lr", "1e-2", "--steps", "2"]
    assert main(command(fresh_policies["qwen2.5-vl"], run, *lora)) == 0
    return run


def runs(
    policy: Path, adapted: Path, folder: Path, cells: list[tuple[str, float]]
) -> dict[tuple[str, float], tuple[list[str], RunFolder]]:
    """The command and the folder of each cell's run."""
    found = {}
    for trained, beta in cells:
        run = folder / f"{trained} {beta}"
        settings = ["--beta", str(beta), "--lr", "1e-2"]
        settings += ["--lora.rank", "4"] if trained == "lora" else []
        settings += ["--rollout.ahead", "1"] if trained == "ahead" else []
        whose = adapted if trained == "lora on a run" else policy
        found[trained, beta] = (command(whose, run, *settings), RunFolder(run))
    return found


def check(whole: RunFolder, resumed: RunFolder, beta: float) -> None:
    check_same(whole, resumed)
    if beta:
        # steps 1 and 2 are taken at the origin itself, as the warm-up's first learning rate is 0;
        # from then on the policy leaves it, and does not find itself there again after a resume
        kl = [row["kl"] for row in resumed.read_metrics()]
        assert kl[:2] == [0.0, 0.0]
        assert min(kl[2] or 0, kl[3] or 0) > 1e-4


@pytest.fixture(scope="module")
def alone(
    fresh_policies: dict[str, Path], adapted: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, float], RunFolder]:
    """Unbroken runs in one process, resumed ones beside them."""
    folder = tmp_path_factory.mktemp("alone")
    found = runs(fresh_policies["qwen2.5-vl"], adapted, folder, CELLS)
    for words, run in found.values():
        assert main(words) == 0
        assert main(["train", "--resume", str(cut(run).path)]) == 0
    return {cell: run for cell, (_, run) in found.items()}


@pytest.fixture(scope="module")
def together(
    fresh_policies: dict[str, Path], adapted: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, float], RunFolder]:
    """The same in two processes, all runs one after the other in one pair of them."""
    folder = tmp_path_factory.mktemp("together")
    found = runs(fresh_policies["qwen2.5-vl"], adapted, folder, CELLS)
    launch(folder / "whole.json", [words for words, _ in found.values()])
    resumed = [["train", "--resume", str(cut(run).path)] for _, run in found.values()]
    launch(folder / "resumed.json", resumed)
    return {cell: run for cell, (_, run) in found.items()}


def test_several_updates_on_one_batch(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Resumed between two batches it is exact; amid one it could not be, so no checkpoint is."""
    twice = ["--trl.num_iterations", "2"]
    run = RunFolder(tmp_path / "run")
    assert main(command(fresh_policies["qwen2.5-vl"], run.path, *twice)) == 0
    assert main(["train", "--resume", str(cut(run).path)]) == 0
    check(run, RunFolder(run.path.with_name("run cut")), 0.0)
    rows = run.read_metrics()
    assert ["reward/letters/mean" in row for row in rows] == [True, False, True, False]
    odd = command(fresh_policies["qwen2.5-vl"], tmp_path / "odd", *twice, "--save-every", "3")
    assert main(odd) == 2
    assert "save_every must be a multiple of 2" in capsys.readouterr().err


def launch(file: Path, lines: list[list[str]]) -> None:
    file.write_text(json.dumps(lines))
    words = [sys.executable, *LAUNCH, "-m", "helpers.many_runs", str(file)]
    subprocess.run(words, cwd=TESTS, check=True)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_one_process(alone: dict[tuple[str, float], RunFolder], cell: tuple[str, float]) -> None:
    run = alone[cell]
    check(run, RunFolder(run.path.with_name(f"{run.path.name} cut")), cell[1])


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_two_processes(
    together: dict[tuple[str, float], RunFolder], cell: tuple[str, float]
) -> None:
    run = together[cell]
    check(run, RunFolder(run.path.with_name(f"{run.path.name} cut")), cell[1])
