"""QLoRA: what is refused before a model is loaded, and what transformers is told. No GPU: that
bitsandbytes then trains is not tested here."""

from typing import Any

import pytest
import torch

from balcap.cli import main
from balcap.config import LoraSettings, PolicySettings
from balcap.errors import UserError
from balcap.policies import load, quantized


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "lora.rank 0; weights in 4 bits cannot be trained"),
        (["--lora.rank", "4"], "balcap[qlora]"),
        (["--lora.rank", "4", "--rollout.engine", "vllm-server"], "use --rollout.engine hf"),
    ],
)
def test_what_cannot_be_is_refused_before_a_model_is_loaded(
    words: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(quantized, "find_spec", lambda name: None)
    monkeypatch.setattr("balcap.policies.load", lambda *_: pytest.fail("a model was loaded"))
    assert main(["train", "--bits", "4", "--rewards", "fluency", *words]) == 2
    assert message in capsys.readouterr().err


def test_without_cuda_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantized, "find_spec", lambda name: object())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="torch sees no CUDA GPU"):
        quantized.check(PolicySettings(bits=4, lora=LoraSettings(rank=4)))


def test_transformers_is_told_to_quantise(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}

    class ToldError(Exception):
        pass

    def from_pretrained(*_: object, **given: object) -> None:
        told.update(given)
        raise ToldError

    monkeypatch.setattr("transformers.AutoModelForImageTextToText.from_pretrained", from_pretrained)
    with pytest.raises(ToldError):
        load(PolicySettings(bits=4, lora=LoraSettings(rank=4)))
    config = told["quantization_config"]
    assert (config.load_in_4bit, config.bnb_4bit_quant_type) == (True, "nf4")
    assert config.bnb_4bit_use_double_quant
    assert config.bnb_4bit_compute_dtype == torch.bfloat16
    assert list(told["device_map"]) == [""]  # whole, on this process's device
    told.clear()
    with pytest.raises(ToldError):
        load(PolicySettings())
    assert "quantization_config" not in told
