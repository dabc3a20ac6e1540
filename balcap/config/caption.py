"""The settings of `balcap caption`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from balcap.config.caption_server import CaptionServerSettings
from balcap.config.checks import at_least, counts, within
from balcap.config.data import DEFAULT_PROMPT, Columns, DataSettings, ShapesSettings
from balcap.config.engine import EngineSettings
from balcap.config.policy import PRESETS, ModelSettings, Size, filled_in, unset
from balcap.config.sampling import SamplingSettings
from balcap.errors import UserError


@dataclass(frozen=True)
class CaptionPreset:
    """Defaults of `balcap caption` that depend on the policy: those of the evaluation.

    Attributes:
        max_tokens: longest caption, in policy tokens.
        batch: images captioned at once.
    """

    max_tokens: int
    batch: int


CAPTION_PRESETS: Mapping[Size, CaptionPreset] = {
    size: CaptionPreset(max_tokens=PRESETS[size].max_tokens, batch=PRESETS[size].eval_batch)
    for size in ("tiny", "full")
}


@dataclass(frozen=True, kw_only=True)
class CaptionSettings(EngineSettings, SamplingSettings, ModelSettings):
    """Which images, and how their captions are written.

    Attributes:
        images: files to caption; or give `data` and `out`.
        data: KIND:PATH of a whole data set, in any form that `balcap data` reads, or a folder of
            images as `images:FOLDER`; or `shapes`.
        out: folder of the captions of `data`, from which the same command goes on after any end.
        limit: only the first so many samples of `data`.
        shard: samples in a file of captions; rounded up to whole batches.
        engine: who captions `data`: `local`, this process and others of `accelerate launch`; `ray`,
            the workers of Ray Data (`pip install 'balcap[scale]'`); or `server`, one that has the
            policy, such as vLLM: `policy` is the model's name there.
        server: where that one is.
        image_root: folder that image names are relative to; default: the data file's folder.
        max_bad: refuse to start when more than this share of the rows is unusable, in [0, 1]; exit
            code 1 when more of the images than this prove unusable on the way.
        check_images: decode every image before the start (`full`), read its header (`header`),
            or only check that the file is there (`exists`).
        duplicates: rows that say what an earlier row of their id says are bad rows (`refuse`), or
            left out without a word (`drop`).
        columns: column names for `records`.
        shapes: settings of the built-in world.
        prompt: what the policy is asked.
        max_tokens: longest caption, in policy tokens.
        batch: images captioned at once.
        seed: of the sampling.
        json: print one JSON object per image, with `image` and `caption`.
    """

    presets: ClassVar = CAPTION_PRESETS

    images: tuple[Path, ...] = field(default=(), metadata={"positional": "IMAGE"})
    data: str | None = None
    out: Path | None = None
    limit: int | None = None
    shard: int = 512
    engine: Literal["local", "ray", "server"] = "local"  # type: ignore[assignment]  # one more
    server: CaptionServerSettings = field(default_factory=CaptionServerSettings)
    image_root: Path | None = None
    max_bad: float = 0.05
    check_images: Literal["full", "header", "exists"] = "header"
    duplicates: Literal["refuse", "drop"] = "refuse"
    columns: Columns = field(default_factory=Columns)
    shapes: ShapesSettings = field(default_factory=ShapesSettings)
    prompt: str = DEFAULT_PROMPT
    max_tokens: int | None = None
    batch: int | None = None
    seed: int = 0
    json: bool = False

    def __post_init__(self) -> None:
        ModelSettings.__post_init__(self)
        SamplingSettings.__post_init__(self)
        EngineSettings.__post_init__(self)
        if not self.images and self.data is None:
            raise UserError(
                "no images; write one or more image files: balcap caption a.jpg b.jpg; or a whole "
                "data set: --data KIND:PATH --out DIR"
            )
        if self.images and self.data is not None:
            raise UserError("images and data are both given; caption the one or the other")
        if (self.data is None) != (self.out is None):
            raise UserError("data and out belong together: --data KIND:PATH --out DIR")
        within("max_bad", self.max_bad, 0.0, 1.0)
        counts(self, "max_tokens", "batch", "limit", "shard")
        at_least("seed", self.seed, 0)
        self._check_engine()

    def _check_engine(self) -> None:
        if self.engine != "local" and self.data is None:
            raise UserError(
                f"engine is {self.engine!r}, which captions a data set; give one: --data KIND:PATH "
                "--out DIR (a folder of images is images:FOLDER), or leave out --engine"
            )
        if self.engine == "server" and not self.server.url:
            raise UserError(
                "engine is 'server', and no server is given; say where it is: "
                "--server.url http://127.0.0.1:8000/v1"
            )
        if self.engine != "server" and self.server != CaptionServerSettings():
            raise UserError(
                f"server.* is set, and engine is {self.engine!r}, which asks no server; add "
                "--engine server, or leave out --server.*"
            )
        if self.engine == "server" and self.no_repeat_ngram:
            raise UserError(
                f"no_repeat_ngram is {self.no_repeat_ngram}, which servers do not know; use "
                "--repetition-penalty, or --engine local"
            )

    def resolved(self) -> ResolvedCaptionSettings:
        """Return the settings with every policy-dependent default filled in."""
        return filled_in(ResolvedCaptionSettings, self, **unset(self, CAPTION_PRESETS[self.size]))


@dataclass(frozen=True, kw_only=True)
class ResolvedCaptionSettings(CaptionSettings):
    """The settings of `balcap caption` with every default filled in."""

    max_tokens: int
    batch: int

    @property
    def shard_size(self) -> int:
        """Samples in a shard: whole batches."""
        return -(-self.shard // self.batch) * self.batch

    @property
    def folder(self) -> Path:
        """Of the captions of a data set."""
        return Path(self.out or "")

    @property
    def samples_of(self) -> DataSettings:
        """Which data are read, none of them held out."""
        return DataSettings.whole(self, self.data or "")
