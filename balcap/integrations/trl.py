"""balcap's heads in a `GRPOTrainer` of your own: `reward_funcs`, and their settings.

    settings = RewardSettings(rewards="qa=1,cov=0.5,fluency")
    rewards = rewards_for(settings)
    GRPOTrainer(model, reward_funcs=rewards.functions,
                args=GRPOConfig(**rewards.arguments, ...), train_dataset=..., ...)

TRL calls one function a head and combines their scores itself, so only the normalisers that it has
can be had: `grpo`, `dr_grpo` and `gdpo`. Its advantages are then balcap's but for two things: it
adds 1e-4 to each standard deviation, and it counts in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from balcap.config import RewardSettings
from balcap.heads.selection import choose
from balcap.integrations.columns import HeadColumn, captions_of, columns_of, rule_within

RewardFunction = Callable[..., list[float | None]]

AGGREGATIONS: Mapping[str, Mapping[str, str]] = {
    "grpo": {"multi_objective_aggregation": "sum_then_normalize", "scale_rewards": "group"},
    "dr_grpo": {"multi_objective_aggregation": "sum_then_normalize", "scale_rewards": "none"},
    "gdpo": {"multi_objective_aggregation": "normalize_then_sum", "scale_rewards": "group"},
}
"""What TRL 1.16 calls the normalisers that it has."""

NOT_COLUMNS = ("completion_ids", "trainer_state", "log_extra", "log_metric", "environments")
"""What TRL gives a reward function beside the data set's columns."""


@dataclass(frozen=True)
class TrlRewards:
    """What a `GRPOTrainer` needs.

    Attributes:
        functions: for `reward_funcs`, one a head, with the head's name.
        arguments: for `GRPOConfig`: the weights, and how TRL is to combine the scores.
    """

    functions: list[RewardFunction]
    arguments: dict[str, Any]


def rewards_for(settings: RewardSettings, configs: Mapping[str, Any] | None = None) -> TrlRewards:
    """Heads, gate, weights and normaliser of balcap's settings, for TRL.

    Args:
        settings: as of `balcap train`.
        configs: settings of heads by name, where they are not the defaults.

    Raises:
        UserError: if TRL cannot do what the settings ask: another normaliser, a gate that acts
            after normalisation, lengths in tokens; or if a head cannot be found or made.
    """
    choice = choose(settings.rewards, settings.weights)
    defaults = {head.name: head.Config() for head in choice.evaluated}
    rule = rule_within(settings, choice.weights, "TRL", AGGREGATIONS)
    selected = choice.build({**defaults, **(configs or {})}, settings.judge)
    columns = columns_of(selected.trained, rule, settings.length_unit)
    return TrlRewards(
        functions=[_function(column) for column in columns],
        arguments={
            "reward_weights": [choice.weights[head.name] for head in selected.trained],
            **AGGREGATIONS[rule.normalizer.name],
        },
    )


def _function(column: HeadColumn) -> RewardFunction:
    def reward(
        prompts: Sequence[Any], completions: Sequence[Any], **batch: Any
    ) -> list[float | None]:
        return column(captions_of([_text(each) for each in completions], batch, NOT_COLUMNS))

    reward.__name__ = column.head.name  # TRL's logs: rewards/NAME/mean
    return reward


def _text(completion: Any) -> str:
    """A completion of plain text, or of chat turns."""
    text: str = completion if isinstance(completion, str) else completion[-1]["content"]
    return text
