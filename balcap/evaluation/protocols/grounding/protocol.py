"""How much of a caption is true? Exact on the shapes world, where every statement can be checked.

No judge: `balcap.data.shapes.grounding` reads the world's own words. `score` is 100 x the mean F1
of facts; beside it stand precision and recall of objects and of facts, as a run's own evaluation
has them. A caption that claims nothing has an F1 of 0, and no precision: such means leave it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from balcap.analysis.frames import config_of
from balcap.config import DEFAULT_PROMPT, DataSettings, ShapesSettings
from balcap.data import shapes
from balcap.data.shapes.grounding import GROUNDING, claims, ground, scene_facts
from balcap.data.shapes.scene import Scene
from balcap.errors import UserError
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocol import (
    NO_CAPTION,
    Captions,
    EvalProtocol,
    Item,
    Items,
    Record,
)
from balcap.evaluation.protocols.grounding.command import GroundingSettings
from balcap.judges.judge import Judge
from balcap.runs.folder import RunFolder
from balcap.statistics import interval, point
from balcap.types import Sample


@dataclass(frozen=True, kw_only=True)
class Described(Item):
    """A scene with its caption."""

    caption: str
    scene: Scene


class GroundingProtocol(EvalProtocol[GroundingSettings, Described]):
    """The protocol; see the top of this file."""

    name = "grounding"
    metric = "100 x mean F1 of facts, exact"

    def __init__(self, settings: GroundingSettings, judge: Judge | None = None) -> None:
        super().__init__(as_in_the_run(settings), judge)
        world = ShapesSettings(train=1, seed=self.settings.world or 0)
        _, self.held_out = shapes.load(
            DataSettings(
                prompt=self.settings.prompt,
                eval_samples=self.settings.limit or DataSettings().eval_samples,
                shapes=world,
            )
        )

    def samples(self) -> Sequence[Sample]:
        """The held-out scenes."""
        return self.held_out

    def items(self, captions: Captions) -> Items[Described]:
        """One for each scene."""
        ready = [
            Described(
                id=sample.id,
                sample=sample.id,
                caption=captions[sample.id][0],
                scene=sample.metadata["scene"],
            )
            for sample in self.held_out
            if sample.id in captions
        ]
        missing = len(self.held_out) - len(ready)
        return Items(ready, {NO_CAPTION: missing} if missing else {})

    async def assess(self, items: Sequence[Described]) -> Sequence[Record]:
        """Compare claims with scenes."""
        return [_record(item) for item in items]

    def extra_summary(self, records: Sequence[Record]) -> dict[str, Any]:
        """Precision and recall of objects and facts, in [0, 1], each with its interval."""
        means, intervals = {}, {}
        for name in GROUNDING:
            known = [record for record in records if record.detail[name] is not None]
            values = np.array([[record.detail[name]] for record in known]).reshape(-1, 1)
            samples = [record.sample for record in known]
            means[name] = point(values, lambda mean: mean[..., 0])
            intervals[name] = interval(
                values, samples, lambda mean: mean[..., 0], self.settings.seed
            )
        return {**means, "intervals": intervals}


def as_in_the_run(settings: GroundingSettings) -> GroundingSettings:
    """The settings, with what is not given taken from the run that writes the captions.

    Raises:
        UserError: if the run's data is not the shapes world.
    """
    run = config_of(RunFolder(Path(settings.policy))) if settings.policy else {}
    if run.get("data", "shapes") != "shapes":
        raise UserError(
            f"{settings.policy} was trained on {run['data']!r}, where the truth is not known; "
            "grounding is exact on shapes only"
        )
    default = settings.prompt == DEFAULT_PROMPT
    world = run.get("shapes", {}).get("seed", 0)
    return replace(
        settings,
        world=world if settings.world is None else settings.world,
        limit=settings.limit or run.get("eval_samples") or DataSettings().eval_samples,
        prompt=run.get("prompt", DEFAULT_PROMPT) if default else settings.prompt,
        max_tokens=settings.max_tokens or run.get("max_tokens"),
    )


def _record(item: Described) -> Record:
    found = ground(item.caption, item.scene)
    said = claims(item.caption)
    facts = scene_facts(item.scene)
    return Record.of(
        item,
        found.fact_f1,
        **asdict(found),
        caption=item.caption,
        claims=sorted(" ".join(claim) for claim in said),
        facts=sorted(" ".join(fact) for fact in facts),
    )


def run(settings: GroundingSettings) -> int:
    """`balcap eval grounding`; returns the exit code."""
    return evaluate(GroundingProtocol(settings))
