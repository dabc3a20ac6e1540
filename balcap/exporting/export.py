"""`balcap export`: a run's newest checkpoint -> weights, processor, generation config, model card.

    OUT/model.safetensors (or adapter_model.safetensors), config.json, tokenizer and processor files
    OUT/generation_config.json   greedy, with the run's longest caption and penalties
    OUT/README.md                the model card
    OUT/training.yaml            the run's settings

The folder appears whole or not at all: it is written beside its place, checked there, and renamed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from balcap.analysis.card import model_card
from balcap.analysis.frames import a_run, config_of
from balcap.config import ModelSettings
from balcap.config.export import ExportSettings
from balcap.console import say
from balcap.errors import RunError, UserError
from balcap.exporting import stored
from balcap.exporting.hub import check_token, upload
from balcap.policies import Located, locate
from balcap.runs.folder import RunFolder
from balcap.types import Sample


def run(settings: ExportSettings) -> int:
    """Export a run.

    Returns:
        Exit code: 0; 1 if plain transformers writes other captions than balcap does.

    Raises:
        UserError: before the model is loaded, if there is no run or checkpoint, the folder is
            taken, or the hub's token is missing.
        RunError: if the folder cannot be written, or the upload failed.
    """
    folder = a_run(settings.run)
    config = config_of(folder)
    located = locate(str(settings.run))
    _check_free(settings)
    if settings.push:
        check_token(settings.push)
    samples = stored.held_out(config, settings.check)
    draft = settings.out.with_name(f".{settings.out.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        if not _written_and_equal(settings, folder, config, located, samples, draft):
            return 1
        draft.replace(settings.out)
    except OSError as error:
        raise RunError(f"cannot write {settings.out}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    say(f"model    {settings.out}")
    if settings.push:
        say(f"hub      {upload(settings.out, settings.push, private=settings.private)}")
    return 0


def _check_free(settings: ExportSettings) -> None:
    if settings.out.exists() and (not settings.out.is_dir() or any(settings.out.iterdir())):
        raise UserError(f"{settings.out} is there and not empty; name another folder with --out")


def _written_and_equal(
    settings: ExportSettings,
    folder: RunFolder,
    config: Mapping[str, Any],
    located: Located,
    samples: Sequence[Sample],
    draft: Path,
) -> bool:
    """Write the model to `draft`; whether plain transformers captions with it as balcap does."""
    from balcap.exporting import weights
    from balcap.exporting.checking import Differences, plain_captions
    from balcap.logging import quiet, without_bars

    quiet()
    dtype = _dtype(settings, located)
    form = ModelSettings(
        policy=str(settings.run),
        dtype=dtype,
        min_pixels=config.get("min_pixels"),
        max_pixels=config.get("max_pixels"),
    )
    alone = located.adapter is not None and not settings.merge
    sampling = stored.greedy(config)
    policy = weights.to_export(form, located, alone=alone)
    expected = weights.captions(policy, samples, sampling)
    with without_bars(str(draft)):
        weights.write(policy, draft, sampling)
    (draft / "README.md").write_text(
        model_card(folder, adapter=alone, licence=settings.licence), encoding="utf-8"
    )
    (draft / "training.yaml").write_text(_settings_to_share(config), encoding="utf-8")
    base = located.source if alone else None
    if base and Path(base).is_dir():
        say(
            f"note     the adapters' base is the folder {base}, which others lack; --merge makes "
            "a whole model"
        )
    del policy
    with without_bars(str(draft)):
        found = Differences(samples, expected, plain_captions(draft, samples, base))
    say(found.told(stored.greedy_captions(folder), dtype))
    return not found


def _settings_to_share(config: Mapping[str, Any]) -> str:
    """A run's settings without what is this machine's alone."""
    own = ("run", "resume", "wandb", "wandb_project", "tensorboard", "trackio", "dry_run")
    shared = {name: value for name, value in config.items() if name not in own}
    return yaml.safe_dump(shared, sort_keys=False, allow_unicode=True)


def _dtype(settings: ExportSettings, located: Located) -> Any:
    """The number format that is asked for, or that of the weights that the training began with."""
    if settings.dtype != "stored":
        return settings.dtype
    file = Path(located.source) / "config.json"
    content = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    known = content.get("dtype") or content.get("torch_dtype") or "bfloat16"
    return "bfloat16" if known in ("bfloat16", "float16") else "float32"
