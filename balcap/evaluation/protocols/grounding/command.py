"""`balcap eval grounding`: how it is called, and its own settings."""

from __future__ import annotations

from dataclasses import dataclass

from balcap.config.command import Command
from balcap.config.evaluation import EvalSettings
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class GroundingSettings(EvalSettings):
    """The held-out scenes of the built-in world.

    Attributes:
        data: only `shapes`, whose truth is known.
        world: seed of the world; default: that of the run that writes the captions, else 0.
        limit: number of held-out scenes; default: as many as that run held out, else 300.
        max_tokens: longest caption, in policy tokens; default: the run's.
    """

    data: str = "shapes"
    world: int | None = None

    def __post_init__(self) -> None:
        EvalSettings.__post_init__(self)
        if self.data != "shapes":
            raise UserError(
                f"data is {self.data!r}; what is true of an image is known on shapes only"
            )


COMMAND = Command(
    name="eval grounding",
    summary="The built-in world: which statements are true, exactly?",
    settings=GroundingSettings,
    function="balcap.evaluation.protocols.grounding.protocol:run",
    protocol="balcap.evaluation.protocols.grounding.protocol:GroundingProtocol",
    examples="""
balcap eval grounding --policy tiny-qwen2.5-vl --out runs/eval/before
balcap eval grounding --policy runs/second --out runs/eval/after
balcap eval compare runs/eval/before runs/eval/after
""",
)
