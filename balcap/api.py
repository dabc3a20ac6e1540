"""`balcap.train(...)`: a training from Python. The same settings, checks and run folder as
`balcap train` has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from balcap import distributed
from balcap.cli.commands import COMMANDS
from balcap.cli.parser import Parsed, parse
from balcap.data.handed_in import COLUMNS, write_samples
from balcap.errors import UserError, portable
from balcap.heads import Head, hand_in
from balcap.runs.folder import RunFolder
from balcap.types import Sample

Reward = str | type[Head[Any]]
"""A head's class, or what `--rewards` calls it: `qa`, `my_heads:Words`, `my_heads.py:Words`."""
Rewards = str | Sequence[Reward] | Mapping[Reward, float]


@dataclass(frozen=True)
class Trained:
    """What a training left.

    Attributes:
        path: the run's folder, for `balcap.analysis`, `balcap export`, `policy=` and all else.
        summary: what `summary.json` holds, such as the scores `before` and `after`; empty after a
            dry run.
    """

    path: Path
    summary: Mapping[str, Any]


def train(
    samples: Sequence[Sample] | None = None,
    *,
    held_out: Sequence[Sample] | None = None,
    rewards: Rewards | None = None,
    eval_rewards: Rewards | None = None,
    config: str | Path | None = None,
    resume: str | Path | None = None,
    **settings: Any,
) -> Trained:
    """Train a captioner.

    Args:
        samples: to train on, instead of `data`; kept in the run's folder with their pictures.
        held_out: to evaluate on, instead of `eval_data`; default: split off.
        rewards: classes of heads or their names; a mapping gives each its weight.
        eval_rewards: heads that only the evaluation uses.
        config: a settings file; what is given here wins.
        resume: a run that goes on with its own settings; of the other arguments only `rewards` may
            stand beside it, with the classes that the run was given.
        settings: those of `balcap train`, with underscores: `steps=10`. Groups are mappings:
            `lora={"rank": 8}`, `qa={"draws": 2}`, `trl={"weight_decay": 0.1}`.

    Raises:
        UserError: for what the caller can mend, before a model is loaded; the message names it.
        JudgeGoneError, RunError: as `balcap train` ends with exit codes 3 and 1.
        KeyboardInterrupt: after Ctrl-C; a checkpoint is written first.
    """
    given = {"rewards": _named(rewards), "eval_rewards": _named(eval_rewards), **settings}
    given = {name: value for name, value in given.items() if value is not None}
    words = [f"--config={config}"] if config is not None else []
    if resume is not None:
        given.pop("rewards", None)
        if given or config or samples is not None or held_out is not None:
            raise UserError(
                "balcap.train: resume continues a run with that run's settings and samples; leave "
                "out all else but rewards, or start a new run from its policy: policy=RUN"
            )
        words = [f"--resume={resume}"]
    parsed = _with_samples(parse(COMMANDS["train"], words, given), given, samples, held_out)
    from balcap.training.train import run_path, train

    path = run_path(parsed.settings)
    parsed = replace(parsed, settings=replace(parsed.settings, run=path))
    if code := train(*parsed.arguments):
        raise KeyboardInterrupt if code == 130 else SystemExit(code)
    folder = RunFolder(path)
    return Trained(path, folder.read_json(folder.summary))


def _named(rewards: Rewards | None) -> str | None:
    """Heads as the settings name them."""
    if rewards is None or isinstance(rewards, str):
        return rewards
    weights: Mapping[Reward, float] = rewards if isinstance(rewards, Mapping) else {}
    parts = []
    for reward in rewards:
        name = reward if isinstance(reward, str) else hand_in(reward)
        parts.append(f"{name}={weights[reward]}" if weights else name)
    return ",".join(parts)


def _with_samples(
    parsed: Parsed,
    given: Mapping[str, Any],
    samples: Sequence[Sample] | None,
    held_out: Sequence[Sample] | None,
) -> Parsed:
    """Settings whose data are the samples that were handed in, kept in the run's folder."""
    if samples is None and held_out is None:
        return parsed
    if samples is None:
        raise UserError("balcap.train: held_out goes with samples; name a file with eval_data")
    for name in ("data", "eval_data", "columns", "image_root"):
        if name in given:
            raise UserError(f"balcap.train: {name} is for data files; leave it out beside samples")
    from balcap.training.train import run_path

    path = run_path(parsed.settings)
    failure, data = None, {}
    if distributed.is_first():
        try:
            RunFolder(path).check_free()
            data["data"] = write_samples(samples, path / "data", "train")
            if held_out is not None:
                data["eval_data"] = write_samples(held_out, path / "data", "held-out")
        except UserError as error:
            failure = portable(error)
    distributed.raise_together(failure)
    named = {name: name for name in COLUMNS}
    settings = replace(
        parsed.settings,
        run=path,
        columns=replace(parsed.settings.columns, **named),
        **distributed.everyones(data)[0],
    )
    return replace(parsed, settings=settings)
