"""Will TRL, accelerate and peft take these settings? Known before the policy is loaded.

Their checks are spread over configurations, trainers, optimisers and schedulers, and change from
release to release. So none is repeated here: the real trainer is made once around a small
policy of the same family, which has the same modules and takes a twentieth of a second. What it
refuses, the policy would have been refused with.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from balcap.config import LoraSettings, ResolvedSftSettings, ResolvedTrainSettings
from balcap.errors import UserError, did_you_mean
from balcap.logging import without_bars
from balcap.policies import Located
from balcap.policies.families import Family
from balcap.policies.random_init import make
from balcap.runs.folder import RunFolder

FILES = ("deepspeed", "fsdp_config", "accelerator_config")
"""TRL's fields that may name a JSON file."""
NOT_TRIED: Mapping[str, Any] = {"push_to_hub": False}
"""TRL's fields of which making a trainer would leave something behind."""

S = TypeVar("S", ResolvedTrainSettings, ResolvedSftSettings)
Build = Callable[[S, Path], object]
"""Makes the trainer of settings, with a folder for what it writes."""


def check_trainer(settings: S, origin: Located, build: Build[S]) -> None:
    """Make the trainer once, around a small policy, in a folder that does not stay.

    Args:
        settings: resolved.
        origin: where the policy is.
        build: makes it, as the run will.

    Raises:
        UserError: if it cannot be made; names the setting without which it could, its value, and
            who says what against it.
    """
    _check_files(settings.trl)
    if settings.lora.rank:
        _check_targets(settings, origin)
    trl = {name: NOT_TRIED.get(name, value) for name, value in settings.trl.items()}
    with _small_policy(origin.family) as policy:
        _try(replace(settings, policy=policy, trl=trl), build)


@contextmanager
def _small_policy(family: Family) -> Iterator[str]:
    """The embedded policy of a family; a random one where it has none."""
    if family.tiny:
        yield family.tiny
        return
    with tempfile.TemporaryDirectory() as folder:
        with without_bars(folder):
            make(family, ["a"], Path(folder))
        yield folder


def _try(small: S, build: Build[S]) -> None:
    failure = _failure(small, build)
    if failure is None:
        return
    for option, value, without in _one_left_out(small):
        if _failure(without, build) is None:
            raise UserError(
                f"{option} is {value!r}, and the trainer cannot be made with it: "
                f"{_told(failure)}; change it, or leave it out"
            ) from failure
    bare = replace(small, trl={}, lora=LoraSettings())
    if _failure(bare, build) is None:
        options = ", ".join(option for option, *_ in _one_left_out(small))
        raise UserError(
            f"the trainer cannot be made with these settings: {_told(failure)}; change {options}"
        ) from failure
    raise failure


def check_run_folder(path: Path) -> None:
    """Whether a new run can be written there; nothing stays of the try.

    Raises:
        UserError: if a run is there already, or its folder cannot be made or written to.
    """
    RunFolder(path).check_free()
    try:
        above = next(each for each in (path, *path.absolute().parents) if each.exists())
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise UserError(
            f"run is {str(path)!r}, which cannot be written ({error.strerror or error}); name "
            "another folder with --run"
        ) from error


def _check_files(trl: Mapping[str, Any]) -> None:
    for name in FILES:
        value = trl.get(name)
        if not isinstance(value, str) or value.lstrip().startswith("{") or Path(value).is_file():
            continue
        raise UserError(f"--trl.{name} is {value!r}, and there is no such file; name a JSON file")


def _check_targets(settings: ResolvedTrainSettings | ResolvedSftSettings, origin: Located) -> None:
    """Every target of adapters is a module of the policy: peft passes over one that is not, where
    another one is."""
    targets = [name.strip() for name in settings.lora.targets.split(",")]
    if targets == ["all-linear"]:
        return
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    config = AutoConfig.from_pretrained(origin.source, revision=origin.revision)
    with torch.device("meta"):
        names = [
            name for name, _ in AutoModelForImageTextToText.from_config(config).named_modules()
        ]
    for target in targets:
        if not any(name == target or name.endswith(f".{target}") for name in names):
            last = {name.rpartition(".")[2] for name in names}
            raise UserError(
                f"--lora.targets has {target!r}, and policy {settings.policy!r} has no module of "
                f"that name{did_you_mean(target, last)}; name modules such as q_proj,v_proj, or "
                "use all-linear"
            )


def _one_left_out(settings: S) -> Iterator[tuple[str, Any, S]]:
    """Each setting that is handed on as it is: its option, its value, and all settings without."""
    for name, value in settings.trl.items():
        rest = {other: each for other, each in settings.trl.items() if other != name}
        yield f"--trl.{name}", value, replace(settings, trl=rest)
    if settings.lora.rank:
        yield "--lora.targets", settings.lora.targets, replace(settings, lora=LoraSettings())


def _failure(settings: S, build: Build[S]) -> Exception | None:
    """What stands against making the trainer; None if nothing does."""
    from accelerate.state import AcceleratorState
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    environment = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        try:
            trainer: Any = build(settings, Path(folder))
            if not (trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled):
                trainer.create_optimizer_and_scheduler(max(1, trainer.args.max_steps))
        except Exception as error:  # of any kind: a dozen checks of four libraries
            # a configuration that is refused has told accelerate already what to use
            for name in os.environ.keys() - environment.keys():
                del os.environ[name]
            os.environ.update(environment)
            AcceleratorState._reset_state()
            unset_hf_deepspeed_config()
            return error
    return None


def _told(failure: Exception) -> str:
    """The first sentences of what a library says, on one line."""
    return " ".join(str(failure).split())[:300].rstrip(" .") or type(failure).__name__
