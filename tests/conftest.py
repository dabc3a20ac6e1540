"""What several tests need: quiet libraries, and small policies of both families."""

import os
from pathlib import Path

import jaxtyping
import pytest

import helpers.shape_checks  # noqa: F401

# before balcap is imported: every call in the mathematics checks dtypes and shapes of its arrays;
# but for RewardMatrix, which takes whatever NumPy can make an array of and checks it itself
jaxtyping.install_import_hook(
    ["balcap.advantage.normalizers", "balcap.advantage.gates", "balcap.advantage.rule"],
    "helpers.shape_checks.checked",
)

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test may depend on a network
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line has it
if "PYTEST_XDIST_WORKER" in os.environ:  # threads that wait for each other spin on shared cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def judge_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Judges' answers stay out of the user's own cache."""
    os.environ["BALCAP_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def fresh_policies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A random policy folder of each family, saved by transformers itself."""
    from balcap.policies.families import FAMILIES
    from balcap.policies.random_init import make

    texts = ["The picture shows two shapes on a gray background. A red circle is at the top."] * 20
    folders = {}
    for family in FAMILIES.values():
        name = family.tiny.removeprefix("tiny-")
        folders[name] = tmp_path_factory.mktemp(name)
        make(family, texts, folders[name])
    return folders
