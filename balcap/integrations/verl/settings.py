"""What does verl have to be started with, and by which settings does balcap then act?"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from balcap.advantage.rule import AdvantageRule
from balcap.errors import UserError
from balcap.heads import Head
from balcap.heads.lengths import Unit
from balcap.integrations.columns import refuse_tokens
from balcap.integrations.config_file import VARIABLE, named, read

NAME = "balcap"
"""Of the trainer and of the advantage estimator, in verl's tables."""

ARGUMENTS: Mapping[str, Any] = {
    "algorithm.adv_estimator": NAME,
    "trainer.v1.trainer_mode": NAME,
    "reward.reward_manager.source": "importlib",
    "reward.reward_manager.name": "BalcapRewardManager",
    "reward.reward_manager.module.path": "pkg://balcap.integrations.verl.manager",
    "reward.num_workers": 1,
}
"""Hydra overrides. One reward worker scores what comes in together in one call, and holds the one
copy of a head's model; verl's default is 8."""

NEEDED = (
    *((key, value) for key, value in ARGUMENTS.items() if key != "reward.num_workers"),
    ("algorithm.use_kl_in_reward", False),  # the KL term is not in the heads' scores
    ("reward.reward_model.enable", False),  # verl would ask that model, and not the manager
)


@dataclass(frozen=True)
class VerlSettings:
    """Heads, and how their scores become advantages.

    Attributes:
        heads: H heads.
        rule: gate, normaliser and weights.
        unit: what lengths are counted in.
        max_unscored: share of a head's captions in a step that its judge may leave without a
            score, in [0, 1].
    """

    heads: Sequence[Head[Any]]
    rule: AdvantageRule
    unit: Unit
    max_unscored: float

    @property
    def names(self) -> tuple[str, ...]:
        """Of the heads."""
        return tuple(head.name for head in self.heads)


def settings_for(file: str | Path | None = None) -> VerlSettings:
    """The settings of a file, as of `balcap train --config`; default: the one in `BALCAP_CONFIG`.

    Raises:
        UserError: if there is no file, it cannot be read, or lengths are to be compared in tokens.
    """
    settings, heads = read(named(file))
    rule = AdvantageRule.of(settings, heads.weights)
    refuse_tokens(rule, settings.length_unit)
    return VerlSettings(heads.trained, rule, settings.length_unit, settings.max_unscored)


def words(file: str | Path | None = None) -> str:
    """The arguments for `verl.trainer.main_ppo`, ready for a shell.

    Args:
        file: the settings, which Ray then names to each of verl's processes; default: the file in
            `BALCAP_CONFIG`.

    Raises:
        UserError: if there is neither.
    """
    path = Path(named(file)).resolve()  # a process of another machine may begin in another folder
    variable = f"+ray_kwargs.ray_init.runtime_env.env_vars.{VARIABLE}={path}"
    return shlex.join([*(f"{key}={value}" for key, value in ARGUMENTS.items()), variable])


def check(config: Any) -> None:
    """Whether verl was started so that balcap's advantages arrive in its loss.

    Args:
        config: verl's whole configuration, with attributes as an OmegaConf has them.

    Raises:
        UserError: if not, with what has to be changed.
    """
    for key, needed in NEEDED:
        found = config
        for part in key.split("."):
            found = getattr(found, part)
        if found != needed:
            raise UserError(
                f"verl has {key}={found}, and with it the advantages would not be balcap's; it "
                f"must be {needed}. Start verl with {words()}"
            )
    if config.actor_rollout_ref.rollout.n < 2:
        raise UserError(
            f"verl has actor_rollout_ref.rollout.n={config.actor_rollout_ref.rollout.n}, and one "
            "caption alone has no advantage; write several of an image, such as 8"
        )
