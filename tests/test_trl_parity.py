"""Our `grpo`, `dr_grpo` and `gdpo` against the trainer of TRL itself, whose lines are run here.

TRL has no function for its advantages: they are in the middle of a method of the trainer. So that
method is called on a stand-in for the trainer that has the scores and nothing to generate with.
"""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from trl import GRPOTrainer

from balcap import RewardMatrix, advantages

HEADS = ("qa", "cov", "fluency")
WEIGHTS = {"qa": 1.0, "cov": 0.5, "fluency": 2.0}
SIZE = 6  # not a power of two: the mean of equal scores is then rounded


def trl_advantages(rewards, aggregation: str, scale: str = "group", dtype=torch.float64):
    """Advantages of captions [N, H] as TRL computes them; NaN for a score that is missing."""
    rows = len(rewards)
    nothing: list[None] = [None] * rows
    tokens = [[1] for _ in range(rows)]
    trainer = SimpleNamespace(
        # What the advantages are made of.
        _calculate_rewards=lambda *_: torch.tensor(rewards, dtype=dtype),
        reward_weights=torch.tensor(list(WEIGHTS.values()), dtype=dtype),
        multi_objective_aggregation=aggregation,
        scale_rewards=scale,
        num_generations=SIZE,
        reward_funcs=nothing[: len(HEADS)],
        reward_func_names=list(HEADS),
        # What the way there and back touches: text without images, tools or a second model.
        _generate=lambda _: (tokens, tokens, None, nothing, None, {}, None, None),
        _tokenizer=SimpleNamespace(pad_token_id=0),
        accelerator=SimpleNamespace(device="cpu", process_index=0, gather=lambda x: x),
        args=SimpleNamespace(
            per_device_train_batch_size=rows,
            steps_per_generation=1,
            gradient_accumulation_steps=1,
            gradient_checkpointing_kwargs=None,
        ),
        model=SimpleNamespace(training=True, is_gradient_checkpointing=False),
        num_iterations=1,
        beta=0.0,
        use_vllm=False,
        mask_truncated_completions=False,
        pad_to_multiple_of=None,
        environment_factories=None,
        environments=None,
        tools=None,
        _metrics=defaultdict(lambda: defaultdict(list)),
        _logs={
            "prompt": [], "completion": [], "advantages": [], "rewards": defaultdict(list)
        },
        _pending_extra_logs={},
        _pending_metrics={},
    )  # fmt: skip
    inputs = [{"prompt": "Describe this image."}] * rows
    output = GRPOTrainer._generate_and_score_completions(trainer, inputs)
    return output["advantages"].numpy()


def our_advantages(rewards, normalizer: str):
    group = np.repeat(np.arange(len(rewards) // SIZE), SIZE)
    matrix = RewardMatrix(rewards, ~np.isnan(rewards), group, HEADS)
    return advantages(matrix, normalizer, WEIGHTS)


def scores(missing: float = 0.0):
    """48 captions in 8 groups. Fluency is 0.1 in the first three groups: dead there."""
    rng = np.random.default_rng(0)
    rewards = rng.random((8 * SIZE, len(HEADS)))
    rewards[: 3 * SIZE, 2] = 0.1
    rewards[rng.random(rewards.shape) < missing] = np.nan
    rewards[-1] = np.nan if missing else rewards[-1]  # one caption without any score
    return rewards


MODES = [
    ("grpo", "sum_then_normalize", "group"),
    ("dr_grpo", "sum_then_normalize", "none"),
    ("gdpo", "normalize_then_sum", "group"),
]


@pytest.mark.parametrize(("normalizer", "aggregation", "scale"), MODES)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_same_advantages_as_trl(normalizer, aggregation, scale, missing):
    rewards = scores(missing)
    expected = trl_advantages(rewards, aggregation, scale)
    assert np.abs(expected).max() > 0.4
    np.testing.assert_allclose(our_advantages(rewards, normalizer), expected, atol=1e-6)


def test_equal_scores_move_nothing_here_and_something_in_trl():
    # Every caption of a group has the same scores, so there is nothing to learn. TRL's float32
    # rounds the groups' means, and its step over the batch brings the rounding to unit size.
    rewards = np.repeat(np.random.default_rng(1).random((8, len(HEADS))), SIZE, axis=0)
    trl = trl_advantages(rewards, "normalize_then_sum", dtype=torch.float32)
    assert np.abs(trl).max() > 0.5
    assert not our_advantages(rewards, "gdpo").any()
