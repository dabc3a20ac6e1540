"""What does a curation leave on disk?

OUT/settings.json    what the answers depend on; a second start must agree with it
OUT/journal.jsonl    what judges said of each image, in the order in which they were done
OUT/verdicts.jsonl   everything that was written, with the rule that it breaks, in the data's order
OUT/WHAT.jsonl       the rows: images with what is kept, for `--data`
OUT/report.json      counts and shares
OUT/manifest.json    by whom, how, under which licence; the files' digests
OUT/images, OUT/pictures    see `pictures`

All but settings and journal are made anew from these by every start that finishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from balcap.digest import sha256_of
from balcap.resumable import ResumableFolder


class CurationFolder(ResumableFolder):
    """The files of one curation.

    Args:
        path: the folder.
        what: `--what`.
    """

    noun = "curation"

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(path)
        self.journal = path / "journal.jsonl"
        self.verdicts = path / "verdicts.jsonl"
        self.rows = path / f"{what}.jsonl"
        self.report = path / "report.json"
        self.manifest = path / "manifest.json"

    @property
    def others(self) -> Sequence[Path]:
        """All but the settings."""
        return (self.journal, self.verdicts, self.rows, self.report, self.manifest)

    def digests(self) -> dict[str, str]:
        """SHA-256 of rows, verdicts and report, by name."""
        return {file.name: sha256_of(file) for file in (self.rows, self.verdicts, self.report)}
