"""The house rules that a machine can check: format, lint, types, who imports whom."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
}


@pytest.mark.parametrize("name", CHECKS)
def test_check(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *CHECKS[name]], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nobody_imports_upward_or_sideways() -> None:
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_maths_loads_no_judge() -> None:
    """From scores to advantages: pure functions, of use to whoever has other heads and judges."""
    code = "import sys, balcap.advantage.rule, balcap.statistics; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    strangers = {
        "balcap.judges",
        "balcap.heads",
        "balcap.heads.scoring",
        "sqlite3",
        "asyncio",
        "torch",
    }
    assert "balcap.advantage.normalizers" in loaded
    assert not strangers & loaded


def test_both_packages_say_that_they_are_typed() -> None:
    assert (ROOT / "balcap" / "py.typed").is_file()
    assert (ROOT / "rewards" / "py.typed").is_file()
