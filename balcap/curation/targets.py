"""What can be curated, and by whom?"""

from __future__ import annotations

import re
from collections.abc import Mapping

from balcap.config import CurateSettings, JudgeSettings
from balcap.curation.consensus import ConsensusRubrics
from balcap.curation.questions import Questions
from balcap.curation.target import AnyTarget
from balcap.curation.texts import FactLists, References, Rubrics
from balcap.errors import UserError
from balcap.judges.factory import given_for, open_judge
from balcap.judges.judge import Judge

TARGETS: Mapping[str, type[AnyTarget]] = {
    target.name: target for target in (Questions, References, FactLists, Rubrics)
}
"""By `--what`; to add one, add it."""

REDRAWS = 2
"""How often an unusable answer is drawn again, where the settings do not say. Ours."""


def target_of(settings: CurateSettings) -> AnyTarget:
    """What these settings ask for, with its judges; nobody is asked.

    Raises:
        UserError: if a judge lacks something, or a file of captions is not of the form.
    """
    kind = ConsensusRubrics if settings.teachers else TARGETS[settings.what]
    return kind(settings, _judges(settings))


def _judges(settings: CurateSettings) -> dict[str, Judge]:
    """Who is asked, by the names of their settings. Those of the same settings share a backend."""
    chosen = {"writer": settings.asked}
    if settings.what == "questions":
        chosen["reader"] = given_for(settings.reader, settings.asked, "reader")
    return {name: _open(name, one) for name, one in chosen.items()}


def _open(name: str, settings: JudgeSettings) -> Judge:
    try:
        return open_judge(settings, f"the {name} of balcap curate", REDRAWS)
    except UserError as error:  # which names the settings of any judge
        raise UserError(re.sub(r"(?<!\w)judge\.", f"{name}.", str(error))) from error
