"""Did this judge train the policy that it is to judge?

A policy learns what its judge likes, right or wrong, so such a score says little
(`balcap.evaluation` refuses it unless asked). It can be known where the policy is a run of balcap,
or began with one, and where captions lie in a run's folder or in that of an evaluation of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from balcap.config import JudgedEvalSettings
from balcap.errors import UserError
from balcap.resumable import SETTINGS


def refuse_training_judge(settings: JudgedEvalSettings) -> None:
    """Raise UserError if the judge gave rewards to the policy, and that is not asked for."""
    model = settings.judge.model
    if model is None or settings.allow_training_judge:
        return
    for run, trained in training_judges(settings):
        if same_model(model, trained):
            raise UserError(
                f"the judge {model!r} gave the rewards of {run}, whose policy learned to please "
                "it; use another judge, --judge.model NAME, or proceed with --allow-training-judge"
            )


def same_model(one: str, other: str) -> bool:
    """Whether two names mean the same model: `Qwen/Qwen2.5-72B-Instruct`, a folder of that name."""
    return short_name(one) == short_name(other)


def short_name(model: str) -> str:
    """A model's name without its owner or folder, in lower case."""
    return model.rstrip("/").rpartition("/")[2].casefold()


def training_judges(settings: JudgedEvalSettings) -> Iterator[tuple[Path, str]]:
    """Every run that the captions come from, as far as it can be known, with each of its judges."""
    seen: set[Path] = set()
    waiting = _around(settings.captions or Path(settings.policy))
    while waiting:
        folder = waiting.pop()
        if folder in seen:
            continue
        seen.add(folder)
        run, evaluation = _yaml(folder / "config.yaml"), _yaml(folder / SETTINGS)
        yield from ((folder, model) for model in sorted(set(_judge_models(run))))
        for policy in (run.get("policy"), evaluation.get("settings", {}).get("policy")):
            waiting += _around(Path(str(policy))) if policy else []


def _around(path: Path) -> list[Path]:
    """A file or folder with all folders that it lies in; nothing for the name of a model."""
    return [path.resolve(), *path.resolve().parents] if path.exists() else []


def _yaml(file: Path) -> dict[str, Any]:
    """What a settings file holds; empty where there is none to read. JSON is YAML too."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def _judge_models(content: Mapping[str, Any]) -> Iterator[str]:
    """The judges of a run: of `judge`, and of each head's own."""
    for name, value in content.items():
        if isinstance(value, Mapping) and name == "judge":
            yield from [str(value["model"])] if value.get("model") else []
        elif isinstance(value, Mapping):
            yield from _judge_models(value)
