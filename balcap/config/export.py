"""The settings of `balcap export`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from balcap.config.checks import NOT_GIVEN, at_least, must_be_given


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Which run becomes a model that plain transformers loads, and where it goes.

    Attributes:
        run: folder of a run; its newest checkpoint is exported.
        out: folder of the model, which must be empty or not there yet.
        merge: put LoRA adapters into the weights, those of projector and vision tower too; without
            it, a run with adapters is exported as peft has it: the adapters alone, for their base.
        dtype: number format of the weights; `stored` is that of the checkpoint's base.
        check: so many held-out samples are captioned by plain transformers and compared; 0: none.
        licence: of the model, for the card, as the hub names it, such as `apache-2.0`; default: not
            said, for base and data decide on it.
        push: upload to this repository of the hub, such as `me/my-captioner`, once it is checked.
        private: make that repository a private one.
    """

    run: Path = field(default=NOT_GIVEN, metadata={"positional": "RUN"})
    out: Path = field(default=NOT_GIVEN)
    merge: bool = False
    dtype: Literal["stored", "float32", "bfloat16"] = "stored"
    check: int = 8
    licence: str | None = None
    push: str | None = None
    private: bool = False

    def __post_init__(self) -> None:
        must_be_given(self.run, "no run; write one: balcap export runs/second --out my-captioner")
        must_be_given(self.out, "no folder for the model; write one: --out my-captioner")
        at_least("check", self.check, 0)
