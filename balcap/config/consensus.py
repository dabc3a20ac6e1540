"""Whose captions are compared, for `balcap curate --what rubrics`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class ConsensusSettings:
    """Captions of the same images by several captioners.

    Attributes:
        teachers: for rubrics: files of captions, one a captioner, comma separated, in any form that
            `balcap score` reads, or folders of `balcap caption --out`. Criteria are then written
            from what at least half of the captioners, and two of them, say (RubiCap: of five).
        student: captions of the policy that is to be trained: of that, what it does not say.
    """

    teachers: tuple[Path, ...] = ()
    student: Path | None = None

    def __post_init__(self) -> None:
        if len(self.teachers) == 1:
            raise UserError(
                f"teachers has one file, {self.teachers[0]}; nobody can agree with it: give two or "
                "more, comma separated (RubiCap: five), or leave it out"
            )
        if len(set(self.teachers)) < len(self.teachers):
            raise UserError("teachers names a file twice; a captioner agrees with itself for sure")
        if self.student is not None and not self.teachers:
            raise UserError(
                f"student is {self.student}, and no teachers are given, of whose captions it could "
                "miss something; add --teachers a.jsonl,b.jsonl, or leave it out"
            )
