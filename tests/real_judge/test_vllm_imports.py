"""Do the versions that the extra `vllm` brings go together? `pytest -m vllm`."""

import os
import subprocess
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

from helpers.vllm_environment import VLLM, python, torchvision

pytestmark = pytest.mark.vllm

# In vLLM's registry a class that cannot be imported is told only when a model of its is loaded.
# The operators that torchvision declares on import are declared here: those that travel with it fit
# another build of torch than the one for CPUs.
BOTH_FAMILIES = """
import torch
operators = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    operators.define(name + "(Tensor dets, Tensor scores, float threshold) -> Tensor")
import transformers, vllm
from vllm.model_executor.models.llava import LlavaForConditionalGeneration
from vllm.model_executor.models.qwen2_5_vl import Qwen2_5_VLForConditionalGeneration
print(transformers.__version__)
"""


def required(package: str, extra: str) -> Requirement:
    found = [Requirement(line) for line in requires("balcap") or ()]
    here = [r for r in found if r.name == package]
    return next(r for r in here if r.marker is None or r.marker.evaluate({"extra": extra}))


def test_both_families_can_be_imported_beside_the_transformers_that_vllm_brings() -> None:
    assert required("vllm", "vllm").specifier.contains(VLLM.partition("==")[2])
    interpreter = python()
    done = subprocess.run(
        [interpreter, "-c", BOTH_FAMILIES],
        env={**os.environ, "PYTHONPATH": str(torchvision(interpreter))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    version = done.stdout.split()[-1]
    assert required("transformers", "").specifier.contains(version)
