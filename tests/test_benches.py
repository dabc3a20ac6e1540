"""Every bench runs, on next to nothing: its numbers are for a quiet machine."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHES = Path(__file__).parents[1] / "experiments" / "bench"
SMALL = {
    "captions.py": "--scenes 8 --engines local",
    "judges.py": "--captions 16 --latency 0.01 --rounds 1",
    "laptop.py": "--smoke",
    "overlap.py": "--latencies 0 --steps 3 --batch 16",
    "parts.py": "--captions 8 --rounds 1",
    "pictures.py": "--pictures 2 --questions 2 --rounds 1",
    "processes.py": "--processes 2 --steps 2 --batch 8 --rewards fluency",
    "report.py": "--steps 2 --captions 8",
    "rollout.py": "--engines hf --steps 2 --batch 8 --max-tokens 16",
    "rows.py": "--rows 60",
    "serve.py": "--requests 8 --rounds 1 --rewards fluency",
    "step.py": "--steps 3 --rounds 1",
}


@pytest.mark.parametrize("bench", sorted(file.name for file in BENCHES.glob("*.py")))
def test_a_bench_runs(bench: str) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHES / bench), *SMALL[bench].split()],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "---" in done.stdout  # a table


def test_the_bench_of_rollouts_knows_two_engines() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHES / "rollout.py"), "--engines", "vllm-colocate,sglang"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == "no engine sglang; have hf, vllm-colocate\n"
