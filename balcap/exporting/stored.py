"""What does a run's folder say of the samples and the decoding that its export is checked with?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from balcap.analysis.frames import json_of
from balcap.config import SamplingSettings
from balcap.config.data import Columns, DataSettings, ShapesSettings
from balcap.data import load
from balcap.errors import UserError
from balcap.policies.generation import Sampling
from balcap.runs.folder import RunFolder
from balcap.types import Sample


def held_out(config: Mapping[str, Any], count: int) -> list[Sample]:
    """The first held-out samples of a run.

    Raises:
        UserError: if its data cannot be read here.
    """
    if not count:
        return []
    given = _known(DataSettings, config)
    given["columns"] = Columns(**_known(Columns, given.get("columns") or {}))
    given["shapes"] = ShapesSettings(**_known(ShapesSettings, given.get("shapes") or {}))
    if given.get("image_root"):
        given["image_root"] = Path(given["image_root"])
    try:
        loaded = load(DataSettings(**given), int(config.get("seed", 0)))
    except UserError as error:
        raise UserError(
            f"the export is checked on the run's held-out samples, and its data cannot be read: "
            f"{error}; leave the check out with --check 0"
        ) from error
    return list((loaded.held_out or loaded.train)[:count])


def greedy(config: Mapping[str, Any]) -> Sampling:
    """The decoding of a run's greedy evaluation, one caption at a time."""
    how = SamplingSettings(**(_known(SamplingSettings, config) | {"temperature": 0.0}))
    return Sampling(how, int(config["max_tokens"]), batch=1, seed=int(config.get("seed", 0)))


def greedy_captions(run: RunFolder) -> dict[str, str]:
    """By sample, what the run wrote greedily after its training; empty if it is not there yet."""
    rows = json_of(run.captions).get("after_greedy", [])
    return {row["sample"]: row["caption"] for row in rows}


def _known(kind: type[Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """Of some settings those that a class has."""
    return {item.name: content[item.name] for item in fields(kind) if item.name in content}
