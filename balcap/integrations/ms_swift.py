"""balcap's heads in ms-swift's `swift rlhf --rlhf_type grpo`: one reward class a head.

A file of your own, for `--external_plugins`:

    from balcap.integrations.ms_swift import register

    register()

`BALCAP_CONFIG` names the settings, a file as of `balcap train --config`, and
`python -m balcap.integrations.ms_swift FILE` prints the arguments that belong to it. ms-swift
combines the scores itself, so only `grpo`, `dr_grpo` and `gdpo` can be had.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from balcap.errors import UserError
from balcap.integrations.columns import HeadColumn, captions_of, columns_of, opened, rule_within
from balcap.integrations.config_file import named, read

SCALES: Mapping[str, str] = {"grpo": "group", "dr_grpo": "none", "gdpo": "gdpo"}
"""What ms-swift 4.6 calls the normalisers that it has, in `--scale_rewards`."""

NOT_COLUMNS = (
    "messages", "videos", "audios", "tools", "objects", "prompt_id", "request_id",
    "finish_reason", "is_truncated", "rollout_infos", "response_token_ids", "trainer_state",
    "trajectory_inputs",
)  # fmt: skip
"""What ms-swift gives a reward beside the data set's columns."""

GRID = 2**16
"""ms-swift divides by deviations + 1e-8, in float32: rounding errors in the mean of equal scores
would count as differences. Sums of up to 256 multiples of 1/65536 within [-1, 1] have none."""


@dataclass(frozen=True)
class SwiftRewards:
    """What ms-swift needs.

    Attributes:
        columns: one a head, in the order of `weights`.
        weights: by the names of the heads.
        scale: for `--scale_rewards`.
    """

    columns: Sequence[HeadColumn]
    weights: Mapping[str, float]
    scale: str

    @property
    def arguments(self) -> list[str]:
        """The words for `swift rlhf`."""
        names = [_registered(column) for column in self.columns]
        weights = [str(self.weights[column.head.name]) for column in self.columns]
        return [
            *("--reward_funcs", *names, "--reward_weights", *weights),
            *("--scale_rewards", self.scale, "--advantage_estimator", "grpo"),
        ]


def rewards_for(file: str | Path) -> SwiftRewards:
    """Heads, gate, weights and normaliser of a file of settings, as of `balcap train --config`.

    Raises:
        UserError: if the file cannot be read, or ms-swift cannot do what it asks: another
            normaliser, a gate that acts after normalisation, lengths in tokens.
    """
    settings, heads = read(file)
    rule = rule_within(settings, heads.weights, "ms-swift", SCALES)
    columns = columns_of(heads.trained, rule, settings.length_unit)
    return SwiftRewards(columns, heads.weights, SCALES[rule.normalizer.name])


def register(file: str | Path | None = None) -> None:
    """Put one reward class a head, `balcap_NAME`, into ms-swift's `orms`.

    Args:
        file: the settings; default: the one that `BALCAP_CONFIG` names.

    Raises:
        UserError: if no file is given, ms-swift is not installed, or as `rewards_for`.
    """
    file = named(file)
    try:
        swift = import_module("swift.rewards")
    except ModuleNotFoundError as error:
        raise UserError(
            f"ms-swift cannot be imported ({error}); pip install 'ms-swift>=4.6,<4.7'"
        ) from error
    rewards = rewards_for(file)
    for column in rewards.columns:
        swift.orms[_registered(column)] = _class(swift.ORM, column, rewards)


def _registered(column: HeadColumn) -> str:
    return f"balcap_{column.head.name}"  # ms-swift has names of its own, such as `format`


def _class(base: type, column: HeadColumn, rewards: SwiftRewards) -> type:
    def begin(self: Any, args: Any = None, **more: Any) -> None:
        base.__init__(self, args, **more)  # type: ignore[misc]
        if args is not None:
            _check(args, rewards, rewards.weights[column.head.name])

    def call(self: Any, completions: Sequence[str], **batch: Any) -> list[float | None]:
        if "images" in batch:
            batch["images"] = [[opened(each) for each in row or []] for row in batch["images"]]
        scores = column(captions_of(completions, batch, NOT_COLUMNS))
        return [None if score is None else round(score * GRID) / GRID for score in scores]

    # ms-swift logs a reward by the name of its class
    return type(column.head.name, (base,), {"__init__": begin, "__call__": call})


def _check(args: Any, rewards: SwiftRewards, weight: float) -> None:
    """Whether ms-swift was started with what the settings ask."""
    given = list(args.reward_weights or [1.0])
    if (
        args.scale_rewards != rewards.scale
        or args.advantage_estimator != "grpo"
        or weight not in given
    ):
        raise UserError(
            f"ms-swift has scale_rewards {args.scale_rewards}, advantage_estimator "
            f"{args.advantage_estimator} and reward_weights {given}, and balcap's settings ask "
            f"for other advantages; start it with {shlex.join(rewards.arguments)}"
        )


def main(words: Sequence[str]) -> int:
    """Print the arguments for `swift rlhf` that belong to a file of settings."""
    try:
        if len(words) != 1:
            raise UserError("give one file: python -m balcap.integrations.ms_swift heads.yaml")
        print(shlex.join(rewards_for(words[0]).arguments))
    except UserError as error:
        print(f"balcap: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
