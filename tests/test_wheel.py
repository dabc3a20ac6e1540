"""The wheel, installed outside the checkout: what is in it, and whether it works from anywhere."""

import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEFT_BEHIND = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
STARTER = ("notebooks", "experiments/sweeps", "experiments/recipes", "experiments/starter")
TRAIN = [
    "train", "--rewards", "qa,cov,fluency", "--steps", "2", "--batch", "8", "--group-size", "4",
    "--max-tokens", "12", "--shapes.train", "16", "--eval-samples", "2", "--run", "made",
]  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout: a build leaves files beside the sources."""
    folder = tmp_path_factory.mktemp("source") / "balcap"
    for name in ("balcap", "rewards", "tests", "experiments", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=LEFT_BEHIND)
    for file in ROOT.iterdir():
        if file.suffix in (".toml", ".py", ".in", ".md") or file.name == "LICENSE":
            shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, folder, source], check=True)
    [file] = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment that has the wheel, and the packages of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    options = ["--quiet", "--no-deps", "--no-index", "--no-compile", "--target", site]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, wheel], check=True)
    # As folders alone: what the .pth files in them add, an editable balcap too, stays out.
    (site / "packages.pth").write_text("\n".join(p for p in sys.path if p.endswith("-packages")))
    return folder / "bin" / "python"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder with a `rewards.py` and a `rewards/`, as many projects of this field have."""
    (tmp_path / "rewards.py").write_text("raise SystemExit('the foreign rewards.py was imported')")
    (tmp_path / "rewards").mkdir()
    (tmp_path / "rewards" / "__init__.py").touch()
    return tmp_path


def run(python: Path, folder: Path, *words: str) -> str:
    done = subprocess.run([python, *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(folder: Path, *places: str) -> set[str]:
    found = (file for place in places for file in (folder / place).rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix() for file in found if file.suffix != ".pyc"}


def test_it_holds_every_file_of_two_packages_and_nothing_else(source: Path, wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {name.removeprefix("rewards/") for name in files(source, "rewards")}
    starter = {f"balcap/starter/{name}" for name in files(source, *STARTER)}
    assert names == files(source, "balcap") | {f"balcap_rewards/{n}" for n in ours} | starter


def test_the_source_distribution_holds_every_file(source: Path, tmp_path: Path) -> None:
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    [archive] = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    packages = ("balcap", "rewards", "tests", "experiments", "notebooks")
    assert files(source, *packages) | {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"} <= names


def test_it_is_what_runs_outside_the_checkout(python: Path, foreign: Path) -> None:
    code = "import balcap, balcap_rewards as b; print(balcap.__file__, b.__file__, sep='\\n')"
    environment = str(python.parents[1])
    assert all(line.startswith(environment) for line in run(python, foreign, "-c", code).split())


def test_a_foreign_rewards_hides_no_head(python: Path, foreign: Path) -> None:
    shown = run(python, foreign, "-m", "balcap", "heads")
    assert "cannot be used" not in shown
    for name in ("qa", "cov", "fluency", "precision", "rubric", "holistic"):
        assert f"\n{name}: " in f"\n{shown}"
    assert "qa:" in run(python, foreign, "-m", "balcap", "train", "--print-config")


def test_a_project_begins_from_the_wheel(python: Path, foreign: Path) -> None:
    run(python, foreign, "-m", "balcap", "init", "new")
    assert (foreign / "new" / "notebooks" / "04_python.ipynb").is_file()
    words = ["-m", "balcap", "train", "--print-config", "--rewards", "new/my_head.py:MyHead"]
    assert "words: 12" in run(python, foreign, *words)
    assert "sweeps/gates.yaml" in run(python, foreign, "-m", "balcap", "init", "new")


@pytest.mark.parametrize("launcher", [[], ["-m", "accelerate.commands.launch"]])
def test_it_trains_beside_a_foreign_rewards(
    launcher: list[str], python: Path, foreign: Path
) -> None:
    run(python, foreign, *launcher, "-m", "balcap", *TRAIN)
    summary = json.loads((foreign / "made" / "summary.json").read_text())
    assert summary["steps"] == 2
    assert set(summary["after"]) >= {"qa", "cov", "fluency"}
