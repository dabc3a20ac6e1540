"""What TRL is told about vLLM."""

from pathlib import Path
from typing import Any

import pytest

from balcap.config import RolloutSettings, TrainSettings
from balcap.errors import UserError
from balcap.training.trl_args import grpo_config


def args(folder: Path, rollout: RolloutSettings, **settings: Any) -> Any:
    return grpo_config(TrainSettings(rollout=rollout, **settings).resolved(), folder, 1)


@pytest.mark.parametrize("engine", ["vllm-colocate", "vllm-server"])
@pytest.mark.parametrize(
    ("sampling", "corrected"),
    [
        ({}, True),
        ({"temperature": 0.7}, True),
        ({"top_p": 0.95}, False),
        ({"top_k": 50}, False),
        ({"min_p": 0.1}, False),
        ({"repetition_penalty": 1.05}, False),
    ],
)
def test_log_probabilities_are_only_compared_where_both_are_of_the_same_distribution(
    tmp_path: Path, engine: Any, sampling: dict[str, float], corrected: bool
) -> None:
    # vLLM divides by the share of the tokens that it draws from: with top_p 0.95 a token's
    # log-probabilities differ by up to -log 0.95 = 0.051, those of 96 tokens by 4.9
    found = args(tmp_path, RolloutSettings(engine=engine), **sampling)
    assert found.vllm_importance_sampling_correction is corrected


def test_the_user_has_the_last_word(tmp_path: Path) -> None:
    rollout = RolloutSettings(engine="vllm-colocate")
    forced = {"vllm_importance_sampling_correction": True}
    assert args(tmp_path, rollout, top_p=0.95, trl=forced).vllm_importance_sampling_correction


def test_memory_and_time_limits_of_vllm_are_settings(tmp_path: Path) -> None:
    colocated = RolloutSettings(engine="vllm-colocate", max_length=4096, sleep=True)
    found = args(tmp_path, colocated)
    assert (found.vllm_max_model_length, found.vllm_enable_sleep_mode) == (4096, True)
    served = RolloutSettings(engine="vllm-server", server_timeout=30.0)
    assert args(tmp_path, served).vllm_server_timeout == 30.0


@pytest.mark.parametrize("wrong", [{"max_length": 0}, {"server_timeout": 0.0}])
def test_a_limit_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="rollout"):
        RolloutSettings(**wrong)
