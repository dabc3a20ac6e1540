"""What is allowed and probably not meant is said before the start."""

import pytest
import torch

from balcap.config import LoraSettings, RolloutSettings, TrainSettings
from balcap.training.warnings import BFLOAT16_STEP, warnings_of


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({"dtype": "bfloat16", "lr": 1e-6}, True),
        ({"dtype": "bfloat16", "lr": 1e-3}, False),
        ({"dtype": "float32", "lr": 1e-6}, False),
        ({"dtype": "bfloat16", "lr": 1e-6, "lora": LoraSettings(rank=8)}, False),
    ],
)
def test_updates_that_bfloat16_loses(settings: dict, warned: bool) -> None:
    found = list(warnings_of(TrainSettings(**settings).resolved()))
    assert bool(found) == warned
    assert all("most updates are smaller than half a step" in text for text in found)


def test_the_step_is_that_of_bfloat16() -> None:
    """A weight of 0.02 does not move by less than the step, and does by a little more."""
    weight = torch.tensor(0.02, dtype=torch.bfloat16)
    assert weight + 0.6 * BFLOAT16_STEP == weight
    assert weight + 1.9 * BFLOAT16_STEP != weight


def test_a_bent_draw_is_named() -> None:
    (found,) = warnings_of(TrainSettings(repetition_penalty=1.1, top_k=20).resolved())
    assert found.startswith("captions are drawn with top_k, repetition_penalty, of which the loss")


def test_a_setting_that_the_engine_does_not_read_is_named() -> None:
    settings = TrainSettings(rollout=RolloutSettings(engine="vllm-server", sleep=True))
    (found,) = warnings_of(settings.resolved())
    assert found == (
        "rollout.sleep is set, and rollouts are written by vllm-server, which does not read it; "
        "vllm-colocate does"
    )


def test_what_the_engine_reads_is_not_named() -> None:
    settings = TrainSettings(rollout=RolloutSettings(engine="vllm-colocate", max_length=2048))
    assert not list(warnings_of(settings.resolved()))
