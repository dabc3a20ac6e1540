"""What does an evaluation leave on disk, written so that a kill loses at most what was asked last?

OUT/settings.json    what the numbers depend on; a second start must agree with it
OUT/captions.jsonl   captions that a policy wrote for it, as they came; captions-1.jsonl, ...: those
                     of its rivals, where the protocol has any
OUT/items.jsonl      one record an item, as they were judged; sorted at the end
OUT/summary.json     the score and all that belongs to it; there once the evaluation is whole
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from balcap.evaluation.protocol import Record
from balcap.resumable import ResumableFolder


class EvalFolder(ResumableFolder):
    """The files of one evaluation. Making the object touches nothing on disk."""

    noun = "evaluation"
    kept = "what was judged before"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.captions = path / "captions.jsonl"
        self.items = path / "items.jsonl"
        self.summary = path / "summary.json"

    @property
    def others(self) -> Sequence[Path]:
        """All but the settings."""
        return (self.items, self.captions, self.summary)

    def captions_of(self, number: int) -> Path:
        """Where the captions of the settings' own policy (0) or of a rival (1, 2, ...) are kept."""
        return self.path / f"captions-{number}.jsonl" if number else self.captions

    def records(self) -> dict[str, Record]:
        """The finished items, by id."""
        read = (Record.read(line) for line in self.lines(self.items))
        return {record.id: record for record in read}

    def close(self, records: Sequence[Record], summary: Mapping[str, Any]) -> None:
        """Sort the records, and write the summary."""
        self.rewrite(self.items, [record.line() for record in records])
        text = json.dumps(summary, indent=1, allow_nan=False)
        self.write(self.summary, text + "\n")
