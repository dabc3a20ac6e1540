"""The held-out samples that a run's captions are of: their image and their reference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from balcap.config import Columns, DataSettings, ShapesSettings
from balcap.data import load
from balcap.data.glance import by_id
from balcap.errors import UnreadableImageError, UserError
from balcap.thumbnail import thumbnail
from balcap.types import Sample

GROUPS: dict[str, Any] = {"columns": Columns, "shapes": ShapesSettings}


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a sample.

    Attributes:
        sample: None if the data no longer has it.
        image: a data URI; None if there is no image.
        missing: why there is none, else empty.
    """

    sample: Sample | None
    image: str | None
    missing: str = ""


class Samples:
    """Samples by the settings that name their data, each data set read once for all runs.

    No image is decoded but those that are asked for, and a row that lost its image keeps its text.
    """

    def __init__(self) -> None:
        self._read: dict[str, Mapping[str, Sample] | str] = {}
        self._seen: dict[tuple[str, str], Seen] = {}

    def find(self, config: Mapping[str, Any], name: str) -> Seen:
        """The sample of that id in the data of a run with this `config.yaml`."""
        key = _key(config)
        if (key, name) not in self._seen:
            self._seen[key, name] = self._look(config, key, name)
        return self._seen[key, name]

    def _look(self, config: Mapping[str, Any], key: str, name: str) -> Seen:
        if key not in self._read:
            self._read[key] = _read(config)
        found = self._read[key]
        if isinstance(found, str):
            return Seen(None, None, f"the data cannot be read: {found}")
        if name not in found:
            return Seen(None, None, f"{config.get('data')} no longer has this sample")
        return _open(found[name])


def _open(sample: Sample) -> Seen:
    if sample.image is None:
        return Seen(sample, None, "the image is not where it was")
    try:
        return Seen(sample, thumbnail(sample.open_image()))
    except UnreadableImageError as error:
        return Seen(sample, None, f"the image cannot be read: {error.reason}")


def _read(config: Mapping[str, Any]) -> Mapping[str, Sample] | str:
    """The samples by id, or why there are none."""
    try:
        loaded = load(_settings(config), int(config.get("seed", 0)), need_images=False)
    except (UserError, OSError, TypeError, ValueError) as error:
        return str(error)
    return by_id(loaded.train, loaded.held_out)


def _settings(config: Mapping[str, Any]) -> DataSettings:
    given = {item.name: config[item.name] for item in fields(DataSettings) if item.name in config}
    for name, kind in GROUPS.items():
        given[name] = kind(**given.get(name, {}))
    if given.get("image_root") is not None:
        given["image_root"] = Path(given["image_root"])
    settings = replace(DataSettings(**given), check_images="exists")
    # held-out scenes are drawn on their own: there is no need to draw those of the training
    return replace(settings, shapes=replace(settings.shapes, train=1))


def _key(config: Mapping[str, Any]) -> str:
    names = [*(item.name for item in fields(DataSettings)), "seed"]
    return json.dumps({name: config.get(name) for name in names}, default=str)
