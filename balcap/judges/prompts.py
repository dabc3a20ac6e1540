"""Which words is a question made of? A text file with {names} to fill in."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from balcap.judges.quoting import CLOSE, OPEN


@dataclass(frozen=True, slots=True)
class Prompt:
    """The text of a question, with `{name}` where something is filled in.

    Attributes:
        name: of its file.
        text: as written, comments left out.
    """

    name: str
    text: str

    @staticmethod
    def read(file: Path) -> Prompt:
        """Read a prompt; lines that begin with `#` are comments for its readers."""
        lines = file.read_text(encoding="utf-8").splitlines()
        text = "\n".join(line for line in lines if not line.startswith("#")).strip()
        return Prompt(file.stem, text.replace("{open}", OPEN).replace("{close}", CLOSE))

    @property
    def sha256(self) -> str:
        """Of the text, 64 digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def fill(self, **values: str) -> str:
        """The text with every `{name}` replaced, all at once: what is filled in is not read again.

        Raises:
            KeyError: for a name that is not given, or given and not there.
        """
        names = set(re.findall(r"\{(\w+)\}", self.text))
        if names != set(values):
            raise KeyError(f"prompt {self.name} has {sorted(names)}, given {sorted(values)}")
        return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], self.text)
