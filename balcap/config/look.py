"""The settings of `balcap data`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from balcap.config.checks import at_least
from balcap.config.data import DEFAULT_PROMPT, Columns
from balcap.config.policy import ModelSettings
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class LookSettings(ModelSettings):
    """Which data are looked at.

    Attributes:
        data: a file, a saved data set, or hf:NAME; as KIND:PATH where the kind is known.
        image_root: folder that image names are relative to; default: the data file's folder.
        columns: column names for `records`, where they are not found.
        prompt: what the policy is asked, for rows that do not say.
        check_images: decode every image (`full`), read its header, or only see that it is there.
        show: samples that are printed.
        page: file of a page (HTML) that shows them with their pictures.
        policy: whose chat template the prompts are shown in.
    """

    data: str = field(default="", metadata={"positional": "FILE"})
    image_root: Path | None = None
    columns: Columns = field(default_factory=Columns)
    prompt: str = DEFAULT_PROMPT
    check_images: Literal["full", "header", "exists"] = "header"
    show: int = 3
    page: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.data:
            raise UserError("no data; name a file or a data set: balcap data captions.json")
        at_least("show", self.show, 0)
